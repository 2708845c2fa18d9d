"""What a worker counted, read back from its own answer to Prometheus."""

from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from streams.runtime.monitoring.metric_names import APPLIED, CONSUMED, DEAD_LETTERS, DUPLICATES


class TopicCounters(NamedTuple):
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


def read_counters(exposition: str) -> dict[str, TopicCounters]:
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
        topic: TopicCounters(
            consumed=of_topic.get(CONSUMED, 0),
            applied=of_topic.get(APPLIED, 0),
            duplicates=of_topic.get(DUPLICATES, 0),
            dead_letters=codes.get(topic, {}),
        )
        for topic, of_topic in sorted(counts.items())
    }
