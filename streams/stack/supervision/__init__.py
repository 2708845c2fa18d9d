"""Start, supervision and end of the local stack's processes."""
