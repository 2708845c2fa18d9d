"""Status of a running worker: gauges for its metrics, and its health."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from streams.record import TopicPartition
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.consumer.transport import BatchApp
from streams.runtime.monitoring.blockages import Blockage
from streams.runtime.monitoring.endpoint import BlockedRecord, Health
from streams.runtime.monitoring.metrics import Gauges
from streams.runtime.monitoring.progress_monitor import AssignedPartition, ProgressMonitor
from streams.runtime.monitoring.stalls import Stall


class WorkerStatus:
    """Status of one worker. Its methods may be called from any thread.

    `topics` has a function for each topic that returns what its pipeline waits at. `hopeless` is
    called, from the progress monitor's thread, when partitions have stalled permanently.
    """

    def __init__(
        self,
        config: WorkerConfig,
        topics: Mapping[str, Callable[[], Collection[Blockage]]],
        hopeless: Callable[[list[Stall]], None],
    ) -> None:
        self.in_hand: set[TopicPartition] = set()
        """Partitions of which a batch is in its pipeline."""
        self.set_aside: dict[str, Callable[[], Collection[RawBatch]]] = {}
        """Topic -> what was taken off its queue and is in no batch yet."""
        self._config = config
        self._topics = topics
        self._app: BatchApp | None = None
        self._watcher = ProgressMonitor(
            config.group,
            config.bootstrap,
            self._readings,
            hopeless,
            every_s=config.watch_every_s,
            stalled_after_s=config.stalled_after_s,
        )

    def start(self, app: BatchApp) -> None:
        """Start to take samples. The app's consumer must have started."""
        self._app = app
        self._watcher.start()

    def stop(self) -> None:
        self._watcher.stop()

    def health(self) -> Health:
        """Return the health: blocked records now, and stalls as of the last sample.

        `Health.reasons` says what does not move, and for how long.
        """
        look, limit_s = self._watcher.last, self._config.stalled_after_s
        blocked = self._blocked()
        reasons = [
            f"{record.blockage}, for {record.seconds:.0f} s" for record in blocked if record.overdue
        ]
        reasons += [str(stall) for stall in look.stalls]
        if look.unanswered_s >= limit_s:
            reasons.append(f"the broker has not answered for {look.unanswered_s:.0f} s")
        return Health(self._config.group, tuple(reasons), blocked)

    def levels(self) -> Gauges:
        look = self._watcher.last
        return Gauges(
            look.standings,
            look.stalls,
            {topic: self.buffered(topic) for topic in self._topics},
            {
                (record.blockage.topic, record.blockage.partition): record.seconds
                for record in self._blocked()
            },
        )

    def _blocked(self) -> tuple[BlockedRecord, ...]:
        now, limit_s = time.time(), self._config.blocked_after_s
        found = [
            BlockedRecord(blockage, blockage.seconds(now), blockage.seconds(now) >= limit_s)
            for blockages in self._topics.values()
            for blockage in blockages()
        ]
        return tuple(found)

    def buffered(self, topic: str) -> int:
        """Return the bytes of a topic's keys and values that wait for its pipeline."""
        return sum(batch.size for batch in self._waiting(topic))

    def _waiting(self, topic: str) -> Collection[RawBatch]:
        if self._app is None:
            return ()
        aside = self.set_aside.get(topic, tuple)()
        return (*self._app.batch_consumer.waiting(topic), *aside)

    def _readings(self) -> dict[TopicPartition, AssignedPartition]:
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
        in_hand = self.in_hand.copy()
        behind = (batch for topic, _ in in_hand for batch in self._waiting(topic))
        return in_hand | {(batch.topic, batch.partition) for batch in behind}
