"""How posts were made to reach their readers, as a metric of the worker that decides it."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

DISTRIBUTED: Final = "storyline_posts_distributed_total"


class PostMetrics:
    """Counts posts by `streams.agents.fanout.Way`, repetitions included."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._distributed = Counter(
            DISTRIBUTED,
            "Posts by the way that was chosen for them, repetitions included.",
            ("way",),
            registry=registry,
        )

    def distributed(self, way: str, count: int) -> None:
        """So many more posts went this way."""
        self._distributed.labels(way).inc(count)
