"""What a view is: rows, the effects that change them, and the ports of stores and caches."""
