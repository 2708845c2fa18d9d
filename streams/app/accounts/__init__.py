"""The accounts database and its change stream, put together from settings."""
