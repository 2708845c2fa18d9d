"""Stores: effects into Cassandra, Redis or memory, records into Delta tables."""
