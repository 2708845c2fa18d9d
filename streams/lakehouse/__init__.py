"""Lake for analysts and operators: questions, plots, status, the data dictionary."""
