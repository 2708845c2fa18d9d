"""Dead letters as operators see them: search, decisions, replay."""
