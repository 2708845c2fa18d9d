"""Composition: settings, the clients and stores built from them, and the work of commands."""
