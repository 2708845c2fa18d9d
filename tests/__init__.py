"""Tests; a package so that import-linter sees what its modules import."""
