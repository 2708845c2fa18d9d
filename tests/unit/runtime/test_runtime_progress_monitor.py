"""The watcher of a group's progress, with a broker that answers as a test says."""

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
class Place:
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

    def committed(self, places: Sequence[Any], **_: float) -> list[Place]:
        if self.away:
            raise AWAY
        return [
            Place(place.topic, place.partition, self.committed_at, self.refused) for place in places
        ]

    def get_watermark_offsets(self, _place: Any, **_: float) -> tuple[int, int]:
        return self.start, self.end


@dataclass
class Scene:
    """A watcher, the broker it asks, and what it reported."""

    broker: Broker = field(default_factory=Broker)
    readings: dict[TopicPartition, AssignedPartition] = field(
        default_factory=lambda: {HERE: AssignedPartition(5, busy=False)}
    )
    hopeless: list[list[Stall]] = field(default_factory=list)

    def read(self) -> Mapping[TopicPartition, AssignedPartition]:
        return self.readings

    def watcher(self, every_s: float = 1.0) -> ProgressMonitor:
        return ProgressMonitor(
            "group",
            "broker:9092",
            self.read,
            self.hopeless.append,
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


def look(watcher: ProgressMonitor, now: float, passed: float = 1.0) -> ProgressSample:
    watcher.last = watcher._look(now, passed)
    return watcher.last


def test_partition_that_stood_still_while_the_broker_was_away_is_no_stall(scene: Scene) -> None:
    watcher = scene.watcher()
    assert look(watcher, 0.0).stalls == ()
    scene.broker.away = True
    for now in (5.0, 10.0, 15.0, 20.0):
        look(watcher, now)
    scene.broker.away = False
    assert look(watcher, 21.0).stalls == ()
    assert look(watcher, 30.9).stalls == ()
    (stall,) = look(watcher, 31.0).stalls
    assert (stall.what, stall.seconds) == (StallKind.POSITION, STALLED_AFTER_S)


def test_silence_of_the_broker_adds_up_until_it_answers(scene: Scene) -> None:
    watcher = scene.watcher()
    scene.broker.away = True
    assert look(watcher, 1.0, passed=1.0) == ProgressSample(unanswered_s=1.0)
    assert look(watcher, 3.5, passed=2.5) == ProgressSample(unanswered_s=3.5)
    scene.broker.away = False
    assert look(watcher, 4.0, passed=0.5).unanswered_s == 0.0
    scene.broker.away = True
    assert look(watcher, 5.0, passed=1.0).unanswered_s == 1.0


def test_silence_of_the_broker_is_logged_once_until_it_answers(scene: Scene) -> None:
    watcher = scene.watcher()
    with capture_logs() as logs:
        for away in (True, True, False, True):
            scene.broker.away = away
            look(watcher, 1.0)
    assert [(entry["log_level"], entry["error"]) for entry in logs] == [("warning", str(AWAY))] * 2


def test_error_of_one_partition_is_no_answer(scene: Scene) -> None:
    scene.broker.refused = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)
    assert look(scene.watcher(), 1.0).unanswered_s == 1.0


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
    scene.readings[HERE] = AssignedPartition(position, busy=False)
    scene.broker.committed_at, scene.broker.start = committed, start
    assert look(scene.watcher(), 0.0).standings == {HERE: expected}


def test_worker_without_partitions_asks_nothing(scene: Scene) -> None:
    scene.readings.clear()
    scene.broker.away = True
    assert look(scene.watcher(), 0.0) == ProgressSample()


class Clock:
    """The seconds at each reading of the clock; the watcher stops after the last."""

    def __init__(self, watcher: ProgressMonitor, readings: Sequence[float]) -> None:
        self._watcher = watcher
        self._readings = list(readings)

    def monotonic(self) -> float:
        now = self._readings.pop(0)
        if not self._readings:
            self._watcher.stop()
        return now


def run(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, readings: Sequence[float], every_s: float
) -> ProgressMonitor:
    """Let a watcher look at these seconds, without waiting between them."""
    watcher = scene.watcher(every_s)
    monkeypatch.setattr(
        "streams.runtime.monitoring.progress_monitor.time", Clock(watcher, readings)
    )
    stopped = watcher._stopped
    monkeypatch.setattr(stopped, "wait", lambda _s: stopped.is_set())
    watcher._run()
    return watcher


def test_pause_of_the_whole_process_is_no_stall(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = run(scene, monkeypatch, (0.0, 1.0, 1_000.0, 1_001.0), every_s=1.0)
    assert watcher.last.standings
    assert watcher.last.stalls == ()
    assert scene.hopeless == []


def test_stall_that_nothing_ends_is_reported_once_and_ends_the_watch(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(scene, monkeypatch, tuple(map(float, range(60))), every_s=1.0)
    ((stall,),) = scene.hopeless
    assert (stall.partition, stall.seconds) == (HERE, STALLED_AFTER_S)


def test_stall_of_a_batch_in_hand_is_shown_and_the_watch_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.readings[HERE] = AssignedPartition(5, busy=True)
    watcher = run(scene, monkeypatch, tuple(map(float, range(60))), every_s=1.0)
    assert scene.hopeless == []
    (stall,) = watcher.last.stalls
    assert stall.seconds == 58.0
