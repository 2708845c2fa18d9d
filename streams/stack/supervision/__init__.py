"""Start, supervision and stop of the local stack's processes."""
