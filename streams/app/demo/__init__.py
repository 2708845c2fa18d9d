"""Data that the demonstration shows."""
