"""Monitor that samples the group's progress from outside the consumer, every few seconds.

It has a thread and a client of its own, so that it sees what the consumer itself does not know:
that its loop hangs, that a partition is never fetched, that commits do not reach the broker.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as Place

from streams.record import TopicPartition
from streams.runtime.monitoring.stalls import PartitionProgress, Stall, StallWatch

log = structlog.get_logger(__name__)

_ANSWER_S = 5.0
_LONGEST_GAP = 3
"""Longest gap between two samples that counts as time without progress, in intervals. After a
longer gap the process itself was paused."""


@dataclass(frozen=True, slots=True)
class AssignedPartition:
    """State of an assigned partition, as the worker knows it."""

    position: int | None
    """First offset that may not be applied; `None` while nothing of the partition was fetched."""
    busy: bool


@dataclass(frozen=True, slots=True)
class ProgressSample:
    """Result of one look at the group; empty before the first one."""

    standings: Mapping[TopicPartition, PartitionProgress] = field(default_factory=dict)
    stalls: tuple[Stall, ...] = ()
    unanswered_s: float = 0.0
    """Seconds that the broker has not answered."""


class ProgressMonitor:
    """Monitor that takes a sample every `every_s` seconds until it is stopped.

    It calls `hopeless` once, with the first stalls that cannot recover, and then ends. `readings`
    returns the assigned partitions; it is called from the monitor's thread.
    """

    def __init__(
        self,
        group: str,
        bootstrap: str,
        readings: Callable[[], Mapping[TopicPartition, AssignedPartition]],
        hopeless: Callable[[list[Stall]], None],
        *,
        every_s: float,
        stalled_after_s: float,
    ) -> None:
        self.last = ProgressSample()
        self._readings = readings
        self._hopeless = hopeless
        self._every_s = every_s
        self._watch = StallWatch(stalled_after_s)
        self._client: Consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling; does not wait for a sample that is under way."""
        self._stopped.set()

    def _run(self) -> None:
        steady, looked = 0.0, time.monotonic()
        while not self._stopped.wait(self._every_s):
            passed = time.monotonic() - looked
            looked += passed
            steady += min(passed, _LONGEST_GAP * self._every_s)
            self.last = self._look(steady, passed)
            if hopeless := [stall for stall in self.last.stalls if stall.is_hopeless]:
                self._hopeless(hopeless)
                return

    def _look(self, now: float, passed: float) -> ProgressSample:
        try:
            standings = self._standings()
        except KafkaException as error:
            if not self.last.unanswered_s:
                log.warning("the broker does not report the group's progress", error=str(error))
            self._watch.look({}, now)  # a stall during the outage is no fault of this process
            return ProgressSample(unanswered_s=self.last.unanswered_s + passed)
        return ProgressSample(standings, tuple(self._watch.look(standings, now)))

    def _standings(self) -> dict[TopicPartition, PartitionProgress]:
        readings = self._readings()
        if not readings:
            return {}
        places = [Place(topic, number) for topic, number in readings]
        answers = self._client.committed(places, timeout=_ANSWER_S)
        for answer in answers:
            if answer.error is not None:
                raise KafkaException(answer.error)
        committed = {(answer.topic, answer.partition): answer.offset for answer in answers}
        return {
            at: _standing(reading, committed[at], *self._bounds(at))
            for at, reading in readings.items()
        }

    def _bounds(self, at: TopicPartition) -> tuple[int, int]:
        """Return the offset where the log begins, and the end of what may be read of it."""
        answer: Any = self._client.get_watermark_offsets(Place(*at), timeout=_ANSWER_S)
        return answer[0], answer[1]


def _standing(
    reading: AssignedPartition, committed: int, start: int, end: int
) -> PartitionProgress:
    committed = max(committed, start)  # negative if there is no commit
    position = committed if reading.position is None else reading.position
    return PartitionProgress(position, committed, end, reading.busy)
