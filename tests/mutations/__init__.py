"""Seeded bugs in the runtime, each of which the tests must notice: `python -m tests.mutations`."""
