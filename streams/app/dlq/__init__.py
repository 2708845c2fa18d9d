"""The dead letter tools, put together from settings."""
