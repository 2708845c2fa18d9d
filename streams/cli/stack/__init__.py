"""Commands that run the local servers."""
