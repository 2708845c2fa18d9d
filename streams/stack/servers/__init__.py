"""Servers of the local stack, with their configuration and readiness probes."""
