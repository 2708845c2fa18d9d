"""A read side over memory stores."""

from streams.app.read_side import ReadSide
from streams.projections.ports import TimelineCache
from streams.serving.celebrities import CelebrityCache, HotViews
from streams.sinks.memory import MemoryStore
from streams.sinks.memory_pull_set import MemoryPullSet


def memory_side(store: MemoryStore, timelines: TimelineCache, length: int = 800) -> ReadSide:
    """What reads `store` by way of `timelines` and an empty pull set."""
    return ReadSide(store, hot_views(store, timelines, MemoryPullSet(), length))


def hot_views(
    store: MemoryStore, timelines: TimelineCache, pulls: MemoryPullSet, length: int = 800
) -> HotViews:
    """The caches over `store`, with lists of their own."""
    return HotViews(timelines, CelebrityCache(store, pulls), length)


def with_timelines(side: ReadSide, timelines: TimelineCache) -> ReadSide:
    """The same side, but for its timelines."""
    return side._replace(hot=side.hot._replace(timelines=timelines))
