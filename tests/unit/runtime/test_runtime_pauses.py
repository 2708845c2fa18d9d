"""Gathering batches while some partitions are held: each one's records in order, none lost."""

import asyncio
import random
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from streams.runtime.consumer.positions import Positions
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.processing.batcher import Batcher, MicroBatch

TOPIC = "things"
GENERATION = 3


@dataclass
class Message:
    value: RawBatch
    generation_id: int = GENERATION

    @property
    def tp(self) -> tuple[str, int]:
        return TOPIC, self.value.partition


@dataclass
class Event:
    message: Message


class HeldPartitions:
    """Stand-in for `ConsumerRules`: every partition may be used; held ones are recorded."""

    def __init__(self) -> None:
        self.generation = GENERATION
        self.positions = Positions()
        self.held: set[tuple[str, int]] = set()

    async def begin(self, partition: tuple[str, int], generation: int, offset: int) -> bool:
        if not self.positions.knows(partition, generation):
            self.positions.start(partition, generation, offset)
        return True

    def hold(self, partition: tuple[str, int]) -> None:
        self.held.add(partition)

    def resume(self, partition: tuple[str, int]) -> None:
        self.held.discard(partition)


class Topic:
    def __init__(self, max_records: int) -> None:
        self.rules: Any = HeldPartitions()
        self.queue: asyncio.Queue[Event] = asyncio.Queue()
        rules: Any = self.rules
        self.batcher = Batcher(rules, self.queue, max_records=max_records)
        self._next: dict[int, int] = {}
        self.read: dict[int, list[int]] = {}

    def come(self, partition: int, count: int) -> None:
        """Records of a partition were fetched."""
        first = self._next.get(partition, 0)
        self._next[partition] = first + count
        offsets = range(first, first + count)
        none = [None] * count
        batch = RawBatch(TOPIC, partition, offsets, [0] * count, none, none, [()] * count)
        self.queue.put_nowait(Event(Message(batch)))

    async def next_batch(self, wait_s: float = 0.0) -> MicroBatch:
        async with asyncio.timeout(10):
            micro_batch = await self.batcher.next_batch(wait_s)
        for batch in micro_batch.batches:
            self.read.setdefault(batch.partition, []).extend(batch.offsets)
        return micro_batch

    @property
    def came(self) -> Mapping[int, list[int]]:
        return {partition: list(range(end)) for partition, end in self._next.items()}


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_a_held_partition_waits_and_the_others_go_on() -> None:
    async def test() -> None:
        topic = Topic(max_records=10)
        topic.batcher.hold((TOPIC, 0))
        topic.come(1, 2)
        held = RawBatch(TOPIC, 0, range(3), [0] * 3, [None] * 3, [b"12"] * 3, [()] * 3)
        topic.queue.put_nowait(Event(Message(held)))
        assert (await topic.next_batch()).last == {(TOPIC, 1): 1}
        assert topic.batcher.buffered() == [held]
        topic.batcher.release((TOPIC, 0))
        assert (await topic.next_batch()).last == {(TOPIC, 0): 2}
        assert topic.batcher.buffered() == []

    run(test())


def test_a_release_wakes_who_waits_for_records() -> None:
    async def test() -> None:
        topic = Topic(max_records=10)
        topic.come(0, 3)
        topic.batcher.hold((TOPIC, 0))
        next_batch = asyncio.ensure_future(topic.next_batch())
        while not topic.batcher.buffered():
            await asyncio.sleep(0)
        topic.batcher.release((TOPIC, 0))
        assert (await next_batch).count == 3

    run(test())


def test_a_released_partition_is_fetched_again_once_it_has_caught_up() -> None:
    async def test() -> None:
        topic = Topic(max_records=2)
        topic.come(0, 2)
        topic.come(0, 2)
        topic.come(1, 2)
        topic.batcher.hold((TOPIC, 0))
        await topic.next_batch()
        topic.batcher.release((TOPIC, 0))
        assert topic.rules.held == {(TOPIC, 0)}
        await topic.next_batch()
        assert topic.rules.held == {(TOPIC, 0)}
        await topic.next_batch()
        assert topic.rules.held == set()

    run(test())


def test_a_partition_is_divided_from_the_others() -> None:
    async def test() -> None:
        topic = Topic(max_records=10)
        for partition in (0, 1, 0):
            topic.come(partition, 2)
        parts = dict((await topic.next_batch()).by_partition())
        assert {at: part.count for at, part in parts.items()} == {(TOPIC, 0): 4, (TOPIC, 1): 2}
        assert parts[TOPIC, 0].last == {(TOPIC, 0): 3}
        assert {part.generation for part in parts.values()} == {GENERATION}

    run(test())


@pytest.mark.parametrize("seed", range(300))
def test_whatever_is_held_and_released_each_partition_stays_in_order(seed: int) -> None:
    """Positions raise at any gap; a partition whose messages came out of turn would have one."""

    async def test() -> None:
        draw = random.Random(seed)
        topic = Topic(max_records=draw.randrange(1, 12))
        held: set[int] = set()
        next_batch: asyncio.Future[MicroBatch] | None = None
        for _ in range(200):
            partition = draw.randrange(4)
            match draw.randrange(4):
                case 0 | 1 if (TOPIC, partition) not in topic.rules.held or draw.random() < 0.3:
                    # What was on its way when the partition was held comes even so.
                    topic.come(partition, draw.randrange(1, 6))
                case 2 if partition not in held and next_batch is None:
                    held.add(partition)
                    topic.batcher.hold((TOPIC, partition))
                case 3 if partition in held:
                    held.discard(partition)
                    topic.batcher.release((TOPIC, partition))
            next_batch = next_batch or asyncio.ensure_future(topic.next_batch(0.001))
            for _ in range(draw.randrange(6)):
                await asyncio.sleep(0)
            if next_batch.done():
                next_batch.result()
                next_batch = None
        for partition in held:
            topic.batcher.release((TOPIC, partition))
        while topic.read != topic.came:
            await (next_batch or topic.next_batch())
            next_batch = None

    run(test())
