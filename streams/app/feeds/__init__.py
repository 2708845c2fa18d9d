"""Tools for home feeds, built from the settings."""
