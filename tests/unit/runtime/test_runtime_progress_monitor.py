"""The monitor of a group's progress, with a broker that answers as a test says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from streams.record import TopicPartition
from streams.runtime.monitoring.progress_monitor import (
    AssignedPartition,
    ProgressMonitor,
    ProgressSample,
)
from streams.runtime.monitoring.stalls import PartitionProgress, Stall, StallKind

HERE = ("things", 0)
STALLED_AFTER_S = 10.0
AWAY = KafkaException(KafkaError(KafkaError._TRANSPORT))


@dataclass
class Committed:
    topic: str
    partition: int
    offset: int = -1001
    error: KafkaError | None = None


@dataclass
class Broker:
    """One group's commits and one log's bounds."""

    committed_at: int = 5
    start: int = 0
    end: int = 9
    away: bool = False
    refused: KafkaError | None = None

    def committed(self, partitions: Sequence[Any], **_: float) -> list[Committed]:
        if self.away:
            raise AWAY
        return [
            Committed(partition.topic, partition.partition, self.committed_at, self.refused)
            for partition in partitions
        ]

    def get_watermark_offsets(self, _partition: Any, **_: float) -> tuple[int, int]:
        return self.start, self.end


@dataclass
class Scene:
    """A monitor, the broker it asks, and what it reported."""

    broker: Broker = field(default_factory=Broker)
    assigned: dict[TopicPartition, AssignedPartition] = field(
        default_factory=lambda: {HERE: AssignedPartition(5, busy=False)}
    )
    unrecoverable: list[list[Stall]] = field(default_factory=list)

    def read(self) -> Mapping[TopicPartition, AssignedPartition]:
        return self.assigned

    def monitor(self, every_s: float = 1.0) -> ProgressMonitor:
        return ProgressMonitor(
            "group",
            "broker:9092",
            self.read,
            self.unrecoverable.append,
            every_s=every_s,
            stalled_after_s=STALLED_AFTER_S,
        )


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    scene = Scene()
    monkeypatch.setattr(
        "streams.runtime.monitoring.progress_monitor.Consumer", lambda _config: scene.broker
    )
    return scene


def sample(monitor: ProgressMonitor, now: float, passed: float = 1.0) -> ProgressSample:
    monitor.last_sample = monitor._take_sample(now, passed)
    return monitor.last_sample


def test_partition_that_stood_still_while_the_broker_was_away_is_no_stall(scene: Scene) -> None:
    monitor = scene.monitor()
    assert sample(monitor, 0.0).stalls == ()
    scene.broker.away = True
    for now in (5.0, 10.0, 15.0, 20.0):
        sample(monitor, now)
    scene.broker.away = False
    assert sample(monitor, 21.0).stalls == ()
    assert sample(monitor, 30.9).stalls == ()
    (stall,) = sample(monitor, 31.0).stalls
    assert (stall.kind, stall.seconds) == (StallKind.POSITION, STALLED_AFTER_S)


def test_silence_of_the_broker_adds_up_until_it_answers(scene: Scene) -> None:
    monitor = scene.monitor()
    scene.broker.away = True
    assert sample(monitor, 1.0, passed=1.0) == ProgressSample(unanswered_s=1.0)
    assert sample(monitor, 3.5, passed=2.5) == ProgressSample(unanswered_s=3.5)
    scene.broker.away = False
    assert sample(monitor, 4.0, passed=0.5).unanswered_s == 0.0
    scene.broker.away = True
    assert sample(monitor, 5.0, passed=1.0).unanswered_s == 1.0


def test_silence_of_the_broker_is_logged_once_until_it_answers(scene: Scene) -> None:
    monitor = scene.monitor()
    with capture_logs() as logs:
        for away in (True, True, False, True):
            scene.broker.away = away
            sample(monitor, 1.0)
    assert [(entry["log_level"], entry["error"]) for entry in logs] == [("warning", str(AWAY))] * 2


def test_error_of_one_partition_is_no_answer(scene: Scene) -> None:
    scene.broker.refused = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)
    assert sample(scene.monitor(), 1.0).unanswered_s == 1.0


@pytest.mark.parametrize(
    ("position", "committed", "start", "expected"),
    [
        (5, 4, 0, PartitionProgress(5, 4, 9, busy=False)),
        (None, 4, 0, PartitionProgress(4, 4, 9, busy=False)),  # nothing was fetched yet
        (None, -1001, 3, PartitionProgress(3, 3, 9, busy=False)),  # there is no commit
        (None, 2, 3, PartitionProgress(3, 3, 9, busy=False)),  # the log's start has moved past it
        (7, -1001, 3, PartitionProgress(7, 3, 9, busy=False)),
    ],
)
def test_progress_of_a_partition(
    scene: Scene, position: int | None, committed: int, start: int, expected: PartitionProgress
) -> None:
    scene.assigned[HERE] = AssignedPartition(position, busy=False)
    scene.broker.committed_at, scene.broker.start = committed, start
    assert sample(scene.monitor(), 0.0).progress == {HERE: expected}


def test_worker_without_partitions_asks_nothing(scene: Scene) -> None:
    scene.assigned.clear()
    scene.broker.away = True
    assert sample(scene.monitor(), 0.0) == ProgressSample()


class Clock:
    """The seconds at each reading of the clock; the monitor stops after the last."""

    def __init__(self, monitor: ProgressMonitor, assigned: Sequence[float]) -> None:
        self._monitor = monitor
        self._assigned = list(assigned)

    def monotonic(self) -> float:
        now = self._assigned.pop(0)
        if not self._assigned:
            self._monitor.stop()
        return now


def run(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, assigned: Sequence[float], every_s: float
) -> ProgressMonitor:
    """Let a monitor look at these seconds, without waiting between them."""
    monitor = scene.monitor(every_s)
    monkeypatch.setattr(
        "streams.runtime.monitoring.progress_monitor.time", Clock(monitor, assigned)
    )
    stopped = monitor._stopped
    monkeypatch.setattr(stopped, "wait", lambda _s: stopped.is_set())
    monitor._run()
    return monitor


def test_pause_of_the_whole_process_is_no_stall(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = run(scene, monkeypatch, (0.0, 1.0, 1_000.0, 1_001.0), every_s=1.0)
    assert monitor.last_sample.progress
    assert monitor.last_sample.stalls == ()
    assert scene.unrecoverable == []


def test_stall_that_nothing_ends_is_reported_once_and_ends_the_watch(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(scene, monkeypatch, tuple(map(float, range(60))), every_s=1.0)
    ((stall,),) = scene.unrecoverable
    assert (stall.partition, stall.seconds) == (HERE, STALLED_AFTER_S)


def test_stall_of_a_batch_in_flight_is_shown_and_sampling_continues(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.assigned[HERE] = AssignedPartition(5, busy=True)
    monitor = run(scene, monkeypatch, tuple(map(float, range(60))), every_s=1.0)
    assert scene.unrecoverable == []
    (stall,) = monitor.last_sample.stalls
    assert stall.seconds == 58.0
