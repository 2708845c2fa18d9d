"""Clients of the broker and of the schema registry: topics, logs, consumer groups, schemas."""
