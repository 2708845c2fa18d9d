"""The row cache: reads through it, formats, lifetimes, leases, and its invalidation."""
