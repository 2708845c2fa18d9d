"""Metrics of cache reads: hits and misses."""

from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from streams.contracts.events import Tier

CACHE_READS: Final = "storyline_cache_reads"
"""Counter of reads, by `cache`, by `tier` of the author whose data it is, and by `result` (`hit` or
`miss`): reads of a cache. Prometheus sees it as `storyline_cache_reads_total`.

If less than 95 in 100 are hits, `storyline cache stats` shows whether the memory limit is reached.
"""
_HIT, _MISS = "hit", "miss"


class Cache(StrEnum):
    """Caches that reads ask before the durable store."""

    TIMELINE = "timeline"
    RELATIONS = "relations"
    POST = "post"
    COUNTS = "tally"
    STORIES = "stories"
    """Stories of one author."""
    SEEN = "seen"
    """Stories that a reader has seen."""
    CELEBRITY = "celebrity"
    """Lists of recent posts of authors whose posts readers pull."""


class CacheMetrics:
    """Reads of the caches by one process, by the tier of the author whose data it is."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._reads = Counter(
            CACHE_READS,
            "Lookups in a cache, by the author's tier if the data is an author's.",
            ("cache", "tier", "result"),
            registry=self.registry,
        )

    def count(self, cache: Cache, tier: Tier, *, hits: int = 0, misses: int = 0) -> None:
        """Add reads; `tier` is REGULAR if the data is not an author's."""
        for result, count in ((_HIT, hits), (_MISS, misses)):
            if count:
                self._reads.labels(cache, tier, result).inc(count)

    def read(self, cache: Cache, tier: Tier) -> tuple[int, int]:
        """Return hits and misses up to now."""
        counted = (
            self.registry.get_sample_value(
                f"{CACHE_READS}_total", {"cache": cache, "tier": tier, "result": result}
            )
            for result in (_HIT, _MISS)
        )
        hits, misses = (int(count or 0) for count in counted)
        return hits, misses
