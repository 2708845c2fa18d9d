"""Stores and caches in memory, one module for each store or cache of Cassandra and Redis."""
