"""Suites that every store passes: the fake and the real one."""
