"""Redis: the timelines of warm readers. Nothing here is the only copy of anything."""
