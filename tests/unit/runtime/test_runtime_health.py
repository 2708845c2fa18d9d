"""Health and gauges of a worker: from its progress monitor and its buffered batches."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest

from streams.record import Record
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.consumer.transport import BatchApp
from streams.runtime.monitoring.progress_monitor import AssignedPartition, ProgressSample
from streams.runtime.monitoring.stalls import PartitionProgress, Stall, StallKind
from streams.runtime.monitoring.worker_status import WorkerStatus
from tests.support.batches import raw_batches

THINGS, OTHERS = "things", "others"
STALLED_AFTER_S = 30.0


class Assigned(NamedTuple):
    """A partition, as the Kafka client names it."""

    topic: str
    partition: int


@dataclass
class Consumer:
    """What the transport has fetched, and is assigned."""

    batches: dict[str, list[RawBatch]] = field(default_factory=dict)
    assigned: set[tuple[str, int]] = field(default_factory=set)
    applied: dict[tuple[str, int], int] = field(default_factory=dict)

    def pending(self, topic: str) -> Collection[RawBatch]:
        return self.batches.get(topic, [])

    def assignment(self) -> set[Assigned]:
        return {Assigned(*at) for at in self.assigned}

    @property
    def positions(self) -> Any:
        return SimpleNamespace(at=lambda at: self.applied.get((at.topic, at.partition)))


@dataclass
class Runner:
    """A topic's runner with some batches in flight or buffered."""

    busy: set[tuple[str, int]] = field(default_factory=set)
    waiting: list[RawBatch] = field(default_factory=list)

    def in_flight(self) -> set[tuple[str, int]]:
        return self.busy

    def buffered(self) -> list[RawBatch]:
        return self.waiting


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def status(consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkerStatus:
    """Status of a started worker, whose monitor takes no sample by itself."""
    monkeypatch.setattr(
        "streams.runtime.monitoring.progress_monitor.Consumer", lambda _config: None
    )
    config = WorkerConfig(
        group="group",
        bootstrap="broker:9092",
        data_dir=tmp_path,
        stalled_after_s=STALLED_AFTER_S,
    )
    made = WorkerStatus(config, {THINGS: tuple, OTHERS: tuple}, lambda _stalls: None)
    made._monitor.start = lambda: None  # type: ignore[method-assign]
    made.start(cast(BatchApp, SimpleNamespace(batch_consumer=consumer)))
    return made


def batch(topic: str, *values: bytes, partition: int = 0) -> RawBatch:
    records = [Record(topic, partition, n, 0, b"key", value) for n, value in enumerate(values)]
    (made,) = raw_batches(records)
    return made


def stall(partition: int = 0) -> Stall:
    return Stall(
        (THINGS, partition), StallKind.POSITION, PartitionProgress(5, 5, 9, busy=False), 31.0
    )


def test_worker_is_healthy_until_a_sample_has_stalls(status: WorkerStatus) -> None:
    assert status.health().ok
    status._monitor.last_sample = ProgressSample(stalls=(stall(0), stall(1)))
    health = status.health()
    assert not health.ok
    assert health.group == "group"
    assert health.reasons == (str(stall(0)), str(stall(1)))


@pytest.mark.parametrize(("silence_s", "ok"), [(29.9, True), (30.0, False), (31.0, False)])
def test_silence_of_the_broker_counts_as_long_as_a_stall(
    status: WorkerStatus, silence_s: float, ok: bool
) -> None:
    status._monitor.last_sample = ProgressSample(unanswered_s=silence_s)
    health = status.health()
    assert health.ok is ok
    if not ok:
        assert health.reasons == (f"the broker has not answered for {silence_s:.0f} s",)


def test_gauges_are_of_the_last_sample_and_the_current_buffers(
    status: WorkerStatus, consumer: Consumer
) -> None:
    at = {(THINGS, 0): PartitionProgress(5, 5, 9, busy=False)}
    status._monitor.last_sample = ProgressSample(at, (stall(),))
    consumer.batches[THINGS] = [batch(THINGS, b"12345", b"1"), batch(THINGS, b"")]
    gauges = status.gauges()
    assert gauges.progress == at
    assert gauges.stalls == (stall(),)
    assert gauges.buffered == {THINGS: 15, OTHERS: 0}


def test_buffered_batches_of_a_runner_count(status: WorkerStatus, consumer: Consumer) -> None:
    consumer.batches[THINGS] = [batch(THINGS, b"1")]
    status.add_runner(THINGS, Runner(waiting=[batch(THINGS, b"123")]))
    assert status.buffered(THINGS) == 4 + 6
    assert status.buffered(OTHERS) == 0


def test_worker_that_has_not_started_has_nothing_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "streams.runtime.monitoring.progress_monitor.Consumer", lambda _config: None
    )
    config = WorkerConfig(group="group", bootstrap="broker:9092", data_dir=tmp_path)
    status = WorkerStatus(config, {THINGS: tuple}, lambda _stalls: None)
    status.add_runner(THINGS, Runner(waiting=[batch(THINGS, b"123")]))
    assert status.buffered(THINGS) == 0
    assert status.health().ok


def test_readings_are_of_the_assigned_partitions_of_its_topics(
    status: WorkerStatus, consumer: Consumer
) -> None:
    consumer.assigned = {(THINGS, 0), (THINGS, 1), (OTHERS, 0), ("__assignor", 0)}
    consumer.applied = {(THINGS, 0): 7}
    assert status._assigned() == {
        (THINGS, 0): AssignedPartition(7, busy=False),
        (THINGS, 1): AssignedPartition(None, busy=False),
        (OTHERS, 0): AssignedPartition(None, busy=False),
    }


def test_partition_is_busy_in_flight_or_behind_a_batch_of_its_topic(
    status: WorkerStatus, consumer: Consumer
) -> None:
    consumer.assigned = {(THINGS, 0), (THINGS, 1), (THINGS, 2), (OTHERS, 0)}
    consumer.batches = {
        THINGS: [batch(THINGS, b"1", partition=1)],
        OTHERS: [batch(OTHERS, b"1")],
    }
    status.add_runner(THINGS, Runner(busy={(THINGS, 0)}))
    status.add_runner(OTHERS, Runner())
    busy = {at for at, state in status._assigned().items() if state.busy}
    assert busy == {(THINGS, 0), (THINGS, 1)}, "nothing of the other topic is in hand"
