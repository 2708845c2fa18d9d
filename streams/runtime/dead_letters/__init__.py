"""Reporting of records to dead letter topics, and the limit on their number."""
