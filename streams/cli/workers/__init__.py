"""Commands that run workers and observe them."""
