"""The lake, built from the settings: runs of its jobs, upkeep, status, questions."""
