"""Metrics of a worker: counters, updated as things happen, and gauges, read at each scrape."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from streams.record import TopicPartition
from streams.runtime.monitoring.counters import TopicCounters, read_counters
from streams.runtime.monitoring.metric_names import (
    APPLIED,
    BATCH_RECORDS,
    BATCH_SECONDS,
    BLOCKED_SECONDS,
    BUFFERED,
    CONSUMED,
    DEAD_LETTERS,
    DUPLICATES,
    HELP,
    LAG,
    LAST_APPLIED,
    LATENCY_SECONDS,
    LIMIT_USED,
    RETRIES,
    STALLED_SECONDS,
)
from streams.runtime.monitoring.stalls import PartitionProgress, Stall

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LATENCY = (*_SECONDS, 60.0, 300.0, 3_600.0, 86_400.0)
_RECORDS = (1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000)
_TOPIC = ("group", "topic")
_PARTITION = (*_TOPIC, "partition")


class Gauges(NamedTuple):
    """Values that are read from a worker at each scrape, rather than counted."""

    progress: Mapping[TopicPartition, PartitionProgress]
    stalls: Iterable[Stall]
    buffered: Mapping[str, int]
    """Topic -> bytes."""
    blocked: Mapping[TopicPartition, float] = MappingProxyType({})
    """Partition -> seconds that it has waited at a record."""


class GaugeSource(Protocol):
    """Source of gauges; called from the thread that answers Prometheus."""

    def gauges(self) -> Gauges: ...


class Metrics:
    """Metrics of one worker process: one consumer group, several topics."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.registry = CollectorRegistry()
        self._consumed = self._counter(CONSUMED)
        self._applied = self._counter(APPLIED)
        self._duplicates = self._counter(DUPLICATES)
        self._dead_letters = self._counter(DEAD_LETTERS, "code")
        self._retries = self._counter(RETRIES, "step")
        self._batch_seconds = self._histogram(BATCH_SECONDS, _SECONDS)
        self._batch_records = self._histogram(BATCH_RECORDS, _RECORDS)
        self._latency = self._histogram(LATENCY_SECONDS, _LATENCY)
        self._last_applied = self._gauge(LAST_APPLIED)
        self._limit_used = self._gauge(LIMIT_USED)

    def consumed(self, topic: str, count: int) -> None:
        self._consumed.labels(self.group, topic).inc(count)
        self._batch_records.labels(self.group, topic).observe(count)

    def applied(self, topic: str, count: int) -> None:
        self._applied.labels(self.group, topic).inc(count)

    def duplicates(self, topic: str, count: int) -> None:
        self._duplicates.labels(self.group, topic).inc(count)

    def dead_letter(self, topic: str, code: str) -> None:
        self._dead_letters.labels(self.group, topic, code).inc()

    def retried(self, topic: str, step: str) -> None:
        self._retries.labels(self.group, topic, step).inc()

    def acknowledged(self, topic: str, *, took_s: float, oldest: int, now_s: float) -> None:
        """Record the acknowledgement of a batch.

        Args:
            took_s: Seconds that the batch took.
            oldest: Earliest append time of the batch, in milliseconds since the Unix epoch.
            now_s: Time of the acknowledgement, in seconds since the Unix epoch.
        """
        self._batch_seconds.labels(self.group, topic).observe(took_s)
        self._latency.labels(self.group, topic).observe(max(0.0, now_s - oldest / 1000))
        self._last_applied.labels(self.group, topic).set(now_s)

    def dead_letter_limit(self, topic: str, used: float) -> None:
        """Set how near a topic's limit of dead letters is: see `DeadLetterLimit.used`."""
        self._limit_used.labels(self.group, topic).set(used)

    def add_gauges(self, worker: GaugeSource) -> None:
        """Add a worker's gauges, which are read at each scrape."""
        self.registry.register(_GaugeCollector(self.group, worker))

    def read(self) -> dict[str, TopicCounters]:
        """Return topic -> counts since the worker started."""
        return read_counters(generate_latest(self.registry).decode())

    def _counter(self, name: str, *labels: str) -> Counter:
        return Counter(name, HELP[name], (*_TOPIC, *labels), registry=self.registry)

    def _gauge(self, name: str) -> Gauge:
        return Gauge(name, HELP[name], _TOPIC, registry=self.registry)

    def _histogram(self, name: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, HELP[name], _TOPIC, buckets=buckets, registry=self.registry)


class _GaugeCollector:
    def __init__(self, group: str, worker: GaugeSource) -> None:
        self._group = group
        self._worker = worker

    def collect(self) -> Iterable[GaugeMetricFamily]:
        gauges = self._worker.gauges()
        stalled = {stall.partition: stall.seconds for stall in gauges.stalls}
        lag = GaugeMetricFamily(LAG, HELP[LAG], labels=_PARTITION)
        seconds = GaugeMetricFamily(STALLED_SECONDS, HELP[STALLED_SECONDS], labels=_PARTITION)
        for partition, progress in gauges.progress.items():
            labels = (self._group, partition[0], str(partition[1]))
            lag.add_metric(labels, progress.lag)
            seconds.add_metric(labels, stalled.get(partition, 0.0))
        blocked = GaugeMetricFamily(BLOCKED_SECONDS, HELP[BLOCKED_SECONDS], labels=_PARTITION)
        for partition in {**gauges.progress, **gauges.blocked}:
            labels = (self._group, partition[0], str(partition[1]))
            blocked.add_metric(labels, gauges.blocked.get(partition, 0.0))
        buffered = GaugeMetricFamily(BUFFERED, HELP[BUFFERED], labels=_TOPIC)
        for topic, size in gauges.buffered.items():
            buffered.add_metric((self._group, topic), size)
        return lag, seconds, blocked, buffered
