"""The dead letter tools, built from the settings."""
