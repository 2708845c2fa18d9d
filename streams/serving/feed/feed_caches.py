"""Caches that one process reads home feeds with, in addition to the durable views."""

from dataclasses import dataclass, field

from streams.caching.metrics import CacheMetrics
from streams.caching.single_flight import SingleFlight
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.context_loader import FeedContextLoader
from streams.views.reader_activity import ReaderActivity
from streams.views.timeline_cache import TimelineCache


@dataclass(frozen=True, slots=True)
class FeedCaches:
    """Caches that make home feeds of one process fast and change no answer."""

    timelines: TimelineCache
    celebrities: CelebrityCache
    activity: ReaderActivity
    length: int = 800
    """Number of posts in a timeline that this process builds."""
    metrics: CacheMetrics = field(default_factory=CacheMetrics)
    single_flight: SingleFlight = field(default_factory=SingleFlight)
    context_loader: FeedContextLoader | None = None
    """Loads the context of a page in one round trip; `None` reads its parts one after the other."""
