"""Publishing of events, put together from settings."""
