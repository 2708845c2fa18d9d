"""The stores and caches in memory, one module for each of Cassandra's and Redis's."""
