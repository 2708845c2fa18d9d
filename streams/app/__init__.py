"""Composition: settings, the clients and stores built from them, and what commands run."""
