"""Metrics, health and progress of a worker."""
