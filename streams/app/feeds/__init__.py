"""Tools about home feeds, put together from settings."""
