"""What one process reads home feeds with, besides the durable views."""

from dataclasses import dataclass, field

from streams.projections.timelines import TimelineCache
from streams.projections.visits import Visits
from streams.serving.celebrities import CelebrityCache
from streams.serving.flights import SingleFlight
from streams.serving.metrics import CacheMetrics
from streams.serving.opening import Opener


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
