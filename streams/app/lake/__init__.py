"""The lake, put together from settings: runs of its jobs, upkeep, status, questions."""
