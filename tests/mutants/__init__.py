"""Mutants that cosmic-ray makes of the sources, each judged by the tests that reach its line."""
