"""Cassandra tables by family: each module has its rows to write and its selects."""
