"""Judges of the product that share no code with it."""
