"""Redis: the timelines of warm readers, cached rows, the pull set, and readers' last visits.

Losing any of it costs time, never a right answer.
"""
