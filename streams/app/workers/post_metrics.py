"""Metric of the ways in which posts reach their readers, of the worker that chooses the way."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

DISTRIBUTED: Final = "storyline_posts_distributed_total"
"""Counter of posts, by `way` (`inline`, `tasks`, `pulled`) in which they reach their readers,
repetitions included.

If the share of `tasks` or `pulled` changes, followers or posting rates have; `storyline tier` shows
an author's.
"""


class PostMetrics:
    """Counter of posts by `streams.agents.fanout.FanOutMode`, repetitions included."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._distributed = Counter(
            DISTRIBUTED,
            "Posts by the way in which they reach their readers, repetitions included.",
            ("way",),
            registry=registry,
        )

    def distributed(self, way: str, count: int) -> None:
        """Add `count` posts that were distributed in this way."""
        self._distributed.labels(way).inc(count)
