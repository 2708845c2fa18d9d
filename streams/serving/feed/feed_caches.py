"""What one process reads home feeds with, besides the durable views."""

from dataclasses import dataclass, field

from streams.caching.metrics import CacheMetrics
from streams.caching.single_flight import SingleFlight
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.context_loader import FeedContextLoader
from streams.views.reader_activity import ReaderActivity
from streams.views.timeline_cache import TimelineCache


@dataclass(frozen=True, slots=True)
class FeedCaches:
    """What makes home feeds of one process fast and changes no answer."""

    timelines: TimelineCache
    celebrities: CelebrityCache
    visits: ReaderActivity
    length: int = 800
    """How many posts a timeline holds that is built here."""
    metrics: CacheMetrics = field(default_factory=CacheMetrics)
    flights: SingleFlight = field(default_factory=SingleFlight)
    opener: FeedContextLoader | None = None
    """Asks for all at once with which a page begins; None: one after the other."""
