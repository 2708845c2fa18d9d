"""Where a store does not answer for one partition, the others of its topic go on."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from streams.record import TopicPartition
from streams.runtime.consumer.positions import Positions
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.reported_records import ReportedRecords
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.batcher import MicroBatch
from streams.runtime.processing.pipeline import BatchPausedError
from streams.runtime.processing.retry import StoppedError
from streams.runtime.processing.topic_runner import TopicRunner

TOPIC = "things"
GENERATION = 3
STUCK, FREE = (TOPIC, 0), (TOPIC, 1)


class Pipeline:
    """Its store answers for every partition but one, until told otherwise."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.applied: list[tuple[int, int]] = []
        self.error: Exception | None = None

    def run(self, batches: Sequence[RawBatch]) -> None:
        if any(batch.partition == STUCK[1] for batch in batches) and not self.answers.is_set():
            raise BatchPausedError("apply", ReportedRecords())
        self._apply(batches)

    def retry(self, batches: Sequence[RawBatch], reported: ReportedRecords) -> None:  # noqa: ARG002
        if any(batch.partition == STUCK[1] for batch in batches):
            assert self.answers.wait(30)
        if self.error is not None:
            raise self.error
        self._apply(batches)

    def _apply(self, batches: Sequence[RawBatch]) -> None:
        self.applied += [(b.partition, offset) for b in batches for offset in b.offsets]


class HeldPartitions:
    def __init__(self) -> None:
        self.held: list[TopicPartition] = []

    def hold(self, partition: TopicPartition) -> None:
        self.held.append(partition)

    def release(self, partition: TopicPartition) -> None:
        self.held.remove(partition)


class World:
    def __init__(self, *, divides: bool = True) -> None:
        self.pipeline, self.batcher, self.positions = Pipeline(), HeldPartitions(), Positions()
        for partition in (STUCK, FREE):
            self.positions.start(partition, GENERATION, 0)
        self.failures: list[Exception] = []
        self.metrics = Metrics("group")
        pipeline: Any = self.pipeline
        batcher: Any = self.batcher
        self.runner = TopicRunner(
            TOPIC,
            pipeline,
            batcher,
            self.positions,
            metrics=self.metrics,
            threads=ThreadPoolExecutor(),
            fail=self.failures.append,
            divides=divides,
        )

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)


def micro_batch(*partitions: TopicPartition, first: int = 0) -> MicroBatch:
    made = MicroBatch(GENERATION)
    for partition in partitions:
        columns: Any = ([0, 0], [None, None], [b"1", b"2"], [(), ()])
        made.add(partition, RawBatch(*partition, [first, first + 1], *columns))
    return made


def test_paused_partition_is_held_and_the_others_are_acknowledged() -> None:
    async def test() -> None:
        world = World()
        await world.runner.run(micro_batch(STUCK, FREE))
        assert set(world.batcher.held) >= {STUCK}
        await world.until(lambda: world.positions.committable(FREE) == 2)
        await world.until(lambda: world.batcher.held == [STUCK])
        await world.runner.run(micro_batch(FREE, first=2))
        assert world.positions.committable(FREE) == 4
        assert world.positions.committable(STUCK) is None
        world.pipeline.answers.set()
        await world.until(lambda: world.batcher.held == [])
        assert world.positions.committable(STUCK) == 2
        assert world.metrics.read()[TOPIC].consumed == 6, "a record that waits is counted once"
        await world.runner.end()

    asyncio.run(test())


def test_what_cannot_be_waited_for_ends_the_worker_unacknowledged() -> None:
    async def test() -> None:
        world = World()
        world.pipeline.error = ValueError("a bug")
        world.pipeline.answers.set()
        world.pipeline.run = _held_up  # type: ignore[method-assign]
        await world.runner.run(micro_batch(STUCK, FREE))
        await world.runner.end()
        assert [str(error) for error in world.failures] == ["a bug", "a bug"]
        assert world.positions.committable(FREE) is None
        assert set(world.batcher.held) == {STUCK, FREE}

    asyncio.run(test())


def test_part_given_up_at_the_stop_raises_at_the_end() -> None:
    async def test() -> None:
        world = World()
        world.pipeline.error = StoppedError()
        world.pipeline.answers.set()
        world.pipeline.run = _held_up  # type: ignore[method-assign]
        await world.runner.run(micro_batch(STUCK))
        with pytest.raises(StoppedError):
            await world.runner.end()
        assert world.failures == []

    asyncio.run(test())


def test_runner_that_does_not_divide_waits_with_the_whole_batch() -> None:
    async def test() -> None:
        world = World(divides=False)
        applying = asyncio.ensure_future(world.runner.run(micro_batch(STUCK, FREE)))
        await asyncio.sleep(0.05)
        assert world.positions.committable(FREE) is None
        assert not applying.done()
        world.pipeline.answers.set()
        await applying
        assert world.positions.committable(FREE) == world.positions.committable(STUCK) == 2

    asyncio.run(test())


def test_partitions_are_in_flight_until_their_batch_ends() -> None:
    async def test() -> None:
        world = World(divides=False)
        applying = asyncio.ensure_future(world.runner.run(micro_batch(STUCK, FREE)))
        await world.until(lambda: world.runner.in_flight() == {STUCK, FREE})
        world.pipeline.answers.set()
        await applying
        assert world.runner.in_flight() == set()

    asyncio.run(test())


def _held_up(batches: Sequence[RawBatch]) -> None:
    raise BatchPausedError("apply", ReportedRecords())
