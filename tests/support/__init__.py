"""Helpers of the tests: data, servers, workers, lakes."""
