"""Commands that read, explain and verify home feeds, and their caches."""
