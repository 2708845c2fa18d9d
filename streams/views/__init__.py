"""Rows of the views, the effects that change them, and the ports of stores and caches."""
