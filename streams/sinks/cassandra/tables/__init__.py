"""Cassandra tables by family: each module has the rows to write and the selects of its tables."""
