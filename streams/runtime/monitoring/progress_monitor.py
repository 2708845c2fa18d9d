"""Monitor that samples the group's progress from outside the consumer, every few seconds.

It has a thread and a client of its own, so that it sees what the consumer itself does not know:
that its loop hangs, that a partition is never fetched, that commits do not reach the broker.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from streams.record import TopicPartition
from streams.runtime.monitoring.stalls import PartitionProgress, Stall, StallDetector

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
    """State of the group at one time; empty before the first one."""

    progress: Mapping[TopicPartition, PartitionProgress] = field(default_factory=dict)
    stalls: tuple[Stall, ...] = ()
    unanswered_s: float = 0.0
    """Seconds that the broker has not answered."""


class ProgressMonitor:
    """Monitor that takes a sample every `every_s` seconds until it is stopped.

    It calls `on_unrecoverable` once, with the first stalls that cannot recover, and then ends.
    `assigned` returns the assigned partitions; it is called from the monitor's thread.
    """

    def __init__(
        self,
        group: str,
        bootstrap: str,
        assigned: Callable[[], Mapping[TopicPartition, AssignedPartition]],
        on_unrecoverable: Callable[[list[Stall]], None],
        *,
        every_s: float,
        stalled_after_s: float,
    ) -> None:
        self.last_sample = ProgressSample()
        self._assigned = assigned
        self._on_unrecoverable = on_unrecoverable
        self._every_s = every_s
        self._detector = StallDetector(stalled_after_s)
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
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling; does not wait for a sample that is under way."""
        self._stopped.set()

    def _run(self) -> None:
        steady, sampled = 0.0, time.monotonic()
        while not self._stopped.wait(self._every_s):
            passed = time.monotonic() - sampled
            sampled += passed
            steady += min(passed, _LONGEST_GAP * self._every_s)
            self.last_sample = self._take_sample(steady, passed)
            if unrecoverable := [
                stall for stall in self.last_sample.stalls if stall.is_unrecoverable
            ]:
                self._on_unrecoverable(unrecoverable)
                return

    def _take_sample(self, now: float, passed: float) -> ProgressSample:
        try:
            progress = self._read_progress()
        except KafkaException as error:
            if not self.last_sample.unanswered_s:
                log.warning("the broker does not report the group's progress", error=str(error))
            self._detector.detect({}, now)  # a stall during the outage is no fault of this process
            return ProgressSample(unanswered_s=self.last_sample.unanswered_s + passed)
        return ProgressSample(progress, tuple(self._detector.detect(progress, now)))

    def _read_progress(self) -> dict[TopicPartition, PartitionProgress]:
        assigned = self._assigned()
        if not assigned:
            return {}
        partitions = [KafkaPartition(topic, number) for topic, number in assigned]
        commits = self._client.committed(partitions, timeout=_ANSWER_S)
        for commit in commits:
            if commit.error is not None:
                raise KafkaException(commit.error)
        committed = {(commit.topic, commit.partition): commit.offset for commit in commits}
        return {
            partition: _progress_of(state, committed[partition], *self._bounds(partition))
            for partition, state in assigned.items()
        }

    def _bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """Return the offset where the log begins, and the end of what may be read of it."""
        start, end = self._client.get_watermark_offsets(
            KafkaPartition(*partition), timeout=_ANSWER_S
        )
        return start, end


def _progress_of(
    state: AssignedPartition, committed: int, start: int, end: int
) -> PartitionProgress:
    committed = max(committed, start)  # negative if there is no commit
    position = committed if state.position is None else state.position
    return PartitionProgress(position, committed, end, state.busy)
