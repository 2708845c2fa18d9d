"""Downloads that the local servers need, verified against a lock file."""
