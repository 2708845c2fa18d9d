"""Status of a running worker: gauges for its metrics, and its health."""

import time
from collections.abc import Callable, Collection, Mapping, Set
from typing import Any, Protocol

from streams.record import TopicPartition
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.consumer.transport import BatchApp
from streams.runtime.monitoring.blockages import Blockage
from streams.runtime.monitoring.endpoint import BlockedRecord, Health
from streams.runtime.monitoring.metrics import Gauges
from streams.runtime.monitoring.progress_monitor import AssignedPartition, ProgressMonitor
from streams.runtime.monitoring.stalls import Stall


class RunningTopic(Protocol):
    """Runner of a topic's batches. Its methods may be called from any thread."""

    def in_flight(self) -> Set[TopicPartition]:
        """Return the partitions with a batch in the pipeline."""
        ...

    def buffered(self) -> Collection[RawBatch]:
        """Return what was taken off the topic's queue and is in no batch yet."""
        ...


class WorkerStatus:
    """Status of one worker. Its methods may be called from any thread.

    `topics` has a function for each topic that returns what its pipeline waits at.
    `on_unrecoverable` is called, from the progress monitor's thread, when partitions have stalled
    permanently.
    """

    def __init__(
        self,
        config: WorkerConfig,
        topics: Mapping[str, Callable[[], Collection[Blockage]]],
        on_unrecoverable: Callable[[list[Stall]], None],
    ) -> None:
        self._config = config
        self._topics = topics
        self._app: BatchApp | None = None
        self._runners: dict[str, RunningTopic] = {}
        self._monitor = ProgressMonitor(
            config.group,
            config.bootstrap,
            self._assigned,
            on_unrecoverable,
            every_s=config.watch_every_s,
            stalled_after_s=config.stalled_after_s,
        )

    def start(self, app: BatchApp) -> None:
        """Start to take samples. The app's consumer must have started."""
        self._app = app
        self._monitor.start()

    def stop(self) -> None:
        self._monitor.stop()

    def add_runner(self, topic: str, runner: RunningTopic) -> None:
        """Include what a topic's runner has in flight and buffered."""
        self._runners[topic] = runner

    def health(self) -> Health:
        """Return the health: blocked records now, and stalls as of the last sample.

        `Health.reasons` says what does not move, and for how long.
        """
        sample, limit_s = self._monitor.last_sample, self._config.stalled_after_s
        blocked = self._blocked()
        reasons = [
            f"{record.blockage}, for {record.seconds:.0f} s" for record in blocked if record.overdue
        ]
        reasons += [str(stall) for stall in sample.stalls]
        if sample.unanswered_s >= limit_s:
            reasons.append(f"the broker has not answered for {sample.unanswered_s:.0f} s")
        return Health(self._config.group, tuple(reasons), blocked)

    def gauges(self) -> Gauges:
        sample = self._monitor.last_sample
        return Gauges(
            sample.progress,
            sample.stalls,
            {topic: self.buffered(topic) for topic in self._topics},
            {
                (record.blockage.topic, record.blockage.partition): record.seconds
                for record in self._blocked()
            },
        )

    def _blocked(self) -> tuple[BlockedRecord, ...]:
        now, limit_s = time.time(), self._config.blocked_after_s
        return tuple(
            BlockedRecord(blockage, blockage.seconds(now), blockage.seconds(now) >= limit_s)
            for blockages in self._topics.values()
            for blockage in blockages()
        )

    def buffered(self, topic: str) -> int:
        """Return the bytes of a topic's keys and values that wait for its pipeline."""
        return sum(batch.size for batch in self._pending(topic))

    def _pending(self, topic: str) -> Collection[RawBatch]:
        if self._app is None:
            return ()
        runner = self._runners.get(topic)
        return (*self._app.batch_consumer.pending(topic), *(runner.buffered() if runner else ()))

    def _assigned(self) -> dict[TopicPartition, AssignedPartition]:
        app: Any = self._app
        consumer = app.batch_consumer
        busy = self._busy()
        return {
            (at.topic, at.partition): AssignedPartition(consumer.positions.at(at), at in busy)
            for at in consumer.assignment()
            if at.topic in self._topics
        }

    def _busy(self) -> set[TopicPartition]:
        """Return the partitions whose records are in flight, or wait behind such a batch."""
        busy: set[TopicPartition] = set()
        for topic, runner in tuple(self._runners.items()):
            if in_flight := runner.in_flight():
                busy |= in_flight
                busy |= {(batch.topic, batch.partition) for batch in self._pending(topic)}
        return busy
