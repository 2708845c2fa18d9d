"""A read side over memory stores."""

from dataclasses import replace

from streams.app.read_side import ReadSide
from streams.projections.copies import RowCopies
from streams.projections.tallies import Count
from streams.projections.timelines import TimelineCache
from streams.serving.celebrities import CelebrityCache
from streams.serving.hot import HotViews
from streams.serving.metrics import CacheMetrics
from streams.sinks.memory import MemoryStore
from streams.sinks.memory_copies import MemoryCopies
from streams.sinks.memory_pull_set import MemoryPullSet
from streams.sinks.memory_visits import MemoryVisits


def memory_copies(
    posts: MemoryCopies | None = None, relations: MemoryCopies | None = None
) -> RowCopies:
    """Copies of everything that is copied, in memory."""
    tallies = {kind: MemoryCopies() for kind in Count}
    return RowCopies(
        posts or MemoryCopies(),
        relations or MemoryCopies(),
        tallies,
        MemoryCopies(),
        MemoryCopies(),
    )


def memory_side(store: MemoryStore, timelines: TimelineCache, length: int = 800) -> ReadSide:
    """What reads `store` by way of `timelines` and an empty pull set."""
    hot = hot_views(store, timelines, MemoryPullSet(), length)
    return ReadSide(store, hot, durable=store, metrics=hot.metrics)


def hot_views(
    store: MemoryStore, timelines: TimelineCache, pulls: MemoryPullSet, length: int = 800
) -> HotViews:
    """The caches over `store`, with lists of their own."""
    metrics = CacheMetrics()
    celebrities = CelebrityCache(store, pulls, metrics)
    return HotViews(timelines, celebrities, MemoryVisits(), length, metrics)


def with_timelines(side: ReadSide, timelines: TimelineCache) -> ReadSide:
    """The same side, but for its timelines."""
    return side._replace(hot=replace(side.hot, timelines=timelines))
