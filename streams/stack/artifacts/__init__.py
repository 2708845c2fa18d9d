"""Downloads that the local servers need, checked against a lock."""
