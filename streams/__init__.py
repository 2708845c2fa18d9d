"""Storyline: one log of people's acts, folded into what readers see now."""

__version__ = "0.2.0"
