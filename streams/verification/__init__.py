"""Comparison of the served home feeds with a fold of the log."""
