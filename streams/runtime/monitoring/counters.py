"""Counters of a worker, read back from its own answer to Prometheus."""

from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from streams.runtime.monitoring.metric_names import APPLIED, CONSUMED, DEAD_LETTERS, DUPLICATES


class TopicCounters(NamedTuple):
    """Counts of one worker for one topic since the worker started."""

    consumed: int
    applied: int
    duplicates: int
    dead_letters: Mapping[str, int]
    """By error code."""

    @property
    def balanced(self) -> bool:
        """Return whether every consumed record is accounted for (`False` during a batch)."""
        return self.consumed == self.applied + self.duplicates + sum(self.dead_letters.values())


def read_counters(exposition: str) -> dict[str, TopicCounters]:
    """Return topic -> counters, read from a worker's answer to Prometheus."""
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
        topic: TopicCounters(
            consumed=of_topic.get(CONSUMED, 0),
            applied=of_topic.get(APPLIED, 0),
            duplicates=of_topic.get(DUPLICATES, 0),
            dead_letters=codes.get(topic, {}),
        )
        for topic, of_topic in sorted(counts.items())
    }
