"""What one process reads home feeds with, besides the durable views."""

from dataclasses import dataclass, field

from streams.caching.metrics import CacheMetrics
from streams.caching.single_flight import SingleFlight
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.context_loader import Opener
from streams.views.reader_activity import Visits
from streams.views.timeline_cache import TimelineCache


@dataclass(frozen=True, slots=True)
class HotViews:
    """What makes home feeds of one process fast and changes no answer."""

    timelines: TimelineCache
    celebrities: CelebrityCache
    visits: Visits
    length: int = 800
    """How many posts a timeline holds that is built here."""
    metrics: CacheMetrics = field(default_factory=CacheMetrics)
    flights: SingleFlight = field(default_factory=SingleFlight)
    opener: Opener | None = None
    """Asks for all at once with which a page begins; None: one after the other."""
