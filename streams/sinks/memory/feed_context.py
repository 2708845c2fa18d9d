"""Openings of memory stores, one after the other."""

from collections.abc import Collection

from streams.views.feed_context import Opened
from streams.views.pull_set import PullSet
from streams.views.row_cache import Copies
from streams.views.timeline_cache import TimelineCache


class MemoryOpenings:
    """Openings over any stores."""

    def __init__(self, relations: Copies, timelines: TimelineCache, pulls: PullSet) -> None:
        self._relations = relations
        self._timelines = timelines
        self._pulls = pulls

    def read(self, reader: int, authors: Collection[int]) -> Opened:
        """See Openings."""
        return Opened(
            self._relations.read((reader,)),
            self._timelines.read(reader),
            self._pulls.pulled(authors),
        )
