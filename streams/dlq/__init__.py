"""Dead letters as operators handle them: search, decisions, replay."""
