"""The accounts database and its change stream, built from the settings."""
