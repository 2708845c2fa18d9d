"""The lake as analysts and operators see it: questions, plots, status, the data dictionary."""
