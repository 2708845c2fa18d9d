"""The runtime against a log, a group and a store in memory, on a clock that only they move."""
