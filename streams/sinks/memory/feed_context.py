"""Feed context of memory stores, read one after the other."""

from collections.abc import Collection

from streams.views.feed_context import FeedContextReply
from streams.views.pull_set import PullSet
from streams.views.row_cache import RowCache
from streams.views.timeline_cache import TimelineCache


class MemoryFeedContextReader:
    """A FeedContextReader over any stores."""

    def __init__(self, relations: RowCache, timelines: TimelineCache, pulls: PullSet) -> None:
        self._relations = relations
        self._timelines = timelines
        self._pulls = pulls

    def read(self, reader: int, authors: Collection[int]) -> FeedContextReply:
        return FeedContextReply(
            self._relations.get((reader,)),
            self._timelines.read(reader),
            self._pulls.pulled(authors),
        )
