"""Data for the demonstration."""
