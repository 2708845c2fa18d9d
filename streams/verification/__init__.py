"""Comparison of served home feeds with a fold of the log."""
