"""A read side over memory stores."""

from dataclasses import replace

from streams.caching.metrics import CacheMetrics
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.read_side import ReadSide
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.reader_activity import MemoryReaderActivity
from streams.sinks.memory.row_cache import MemoryRowCache
from streams.sinks.memory.store import MemoryStore
from streams.views.counts import CountKind
from streams.views.row_cache import RowCaches
from streams.views.store import Views
from streams.views.timeline_cache import TimelineCache


def memory_row_caches(
    posts: MemoryRowCache | None = None, relations: MemoryRowCache | None = None
) -> RowCaches:
    """Return row caches of every kind, in memory."""
    counts = {kind: MemoryRowCache() for kind in CountKind}
    return RowCaches(
        posts or MemoryRowCache(),
        relations or MemoryRowCache(),
        counts,
        MemoryRowCache(),
        MemoryRowCache(),
    )


def memory_side(store: MemoryStore, timelines: TimelineCache, length: int = 800) -> ReadSide:
    """What reads `store` by way of `timelines` and an empty pull set."""
    caches = feed_caches(store, timelines, MemoryPullSet(), length)
    views = Views.of(store)
    return ReadSide(views, caches, durable=views, metrics=caches.metrics)


def feed_caches(
    store: MemoryStore, timelines: TimelineCache, pulls: MemoryPullSet, length: int = 800
) -> FeedCaches:
    """The caches over `store`, with lists of their own."""
    metrics = CacheMetrics()
    celebrities = CelebrityCache(Views.of(store), pulls, metrics)
    return FeedCaches(timelines, celebrities, MemoryReaderActivity(), length, metrics)


def with_timelines(side: ReadSide, timelines: TimelineCache) -> ReadSide:
    """The same side, but for its timelines."""
    return side._replace(caches=replace(side.caches, timelines=timelines))
