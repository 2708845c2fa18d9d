"""Commands for accounts and their change stream."""
