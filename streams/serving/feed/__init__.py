"""The home feed: its sources, its cached timeline, and the rules that hide posts from it."""
