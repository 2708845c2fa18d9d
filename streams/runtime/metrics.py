"""Every metric of a worker, named in one place, and how they are served.

Conservation: of a consumer group's topic, once nothing is in hand, consumed equals applied plus
duplicates plus dead-lettered. The four are counted where each happens, none from the others.
"""

from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.parser import text_string_to_metric_families

CONSUMED = "storyline_records_consumed_total"
APPLIED = "storyline_events_applied_total"
DUPLICATES = "storyline_events_duplicate_total"
DEAD_LETTERS = "storyline_records_dead_lettered_total"
RETRIES = "storyline_step_retries_total"
BATCH_SECONDS = "storyline_batch_seconds"

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Tally(NamedTuple):
    """What one worker counted for one topic since it started."""

    consumed: int
    applied: int
    duplicates: int
    dead_letters: Mapping[str, int]
    """By error code."""

    @property
    def balanced(self) -> bool:
        """Whether every record consumed is accounted for (false while a batch is in hand)."""
        return self.consumed == self.applied + self.duplicates + sum(self.dead_letters.values())


class Metrics:
    """The counters of one worker process: one consumer group, several topics."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.registry = CollectorRegistry()
        labels = ("group", "topic")
        self._consumed = Counter(
            CONSUMED, "Records handed over by the transport.", labels, registry=self.registry
        )
        self._applied = Counter(
            APPLIED, "Events whose effects are durable.", labels, registry=self.registry
        )
        self._duplicates = Counter(
            DUPLICATES, "Events recognised as seen before.", labels, registry=self.registry
        )
        self._dead_letters = Counter(
            DEAD_LETTERS,
            "Records acknowledged by the dead letter topic.",
            (*labels, "code"),
            registry=self.registry,
        )
        self._retries = Counter(
            RETRIES,
            "Steps tried again because a server did not answer.",
            (*labels, "step"),
            registry=self.registry,
        )
        self._batch_seconds = Histogram(
            BATCH_SECONDS,
            "Time from a batch being gathered to its acknowledgement.",
            labels,
            registry=self.registry,
            buckets=_BUCKETS,
        )

    def consumed(self, topic: str, count: int) -> None:
        self._consumed.labels(self.group, topic).inc(count)

    def applied(self, topic: str, count: int) -> None:
        self._applied.labels(self.group, topic).inc(count)

    def duplicates(self, topic: str, count: int) -> None:
        self._duplicates.labels(self.group, topic).inc(count)

    def dead_letter(self, topic: str, code: str) -> None:
        self._dead_letters.labels(self.group, topic, code).inc()

    def retried(self, topic: str, step: str) -> None:
        self._retries.labels(self.group, topic, step).inc()

    def batch_took(self, topic: str, seconds: float) -> None:
        self._batch_seconds.labels(self.group, topic).observe(seconds)

    def read(self) -> dict[str, Tally]:
        """Topic -> what was counted since the worker started."""
        return tallies(generate_latest(self.registry).decode())

    def serve(self, host: str, port: int) -> int:
        """Answer Prometheus on `host`; port 0 takes a free one. Returns the port."""
        server, _ = start_http_server(port, addr=host, registry=self.registry)
        return int(server.server_port)


def tallies(exposition: str) -> dict[str, Tally]:
    """Topic -> tally, read from a worker's answer to Prometheus."""
    counts: dict[str, dict[str, int]] = {}
    codes: dict[str, dict[str, int]] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            topic = sample.labels.get("topic", "")
            if sample.name in (CONSUMED, APPLIED, DUPLICATES):
                counts.setdefault(topic, {})[sample.name] = int(sample.value)
            elif sample.name == DEAD_LETTERS:
                codes.setdefault(topic, {})[sample.labels["code"]] = int(sample.value)
    return {
        topic: Tally(
            consumed=of_topic.get(CONSUMED, 0),
            applied=of_topic.get(APPLIED, 0),
            duplicates=of_topic.get(DUPLICATES, 0),
            dead_letters=codes.get(topic, {}),
        )
        for topic, of_topic in sorted(counts.items())
    }
