"""Openings of memory stores, one after the other."""

from collections.abc import Collection

from streams.projections.copies import Copies
from streams.projections.openings import Opened
from streams.projections.timelines import PullSet, TimelineCache


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
