"""The servers of the local stack, and how each is configured and probed."""
