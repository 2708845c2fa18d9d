"""Publishing of events, built from the settings."""
