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


class Wanted:
    """The intake's part that gathering asks: every partition may be used; what is held is noted."""

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
    def __init__(self, most: int) -> None:
        self.wanted: Any = Wanted()
        self.queue: asyncio.Queue[Event] = asyncio.Queue()
        intake: Any = self.wanted
        self.gatherer = Batcher(intake, self.queue, most=most)
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

    async def gather(self, wait_s: float = 0.0) -> MicroBatch:
        async with asyncio.timeout(10):
            gathered = await self.gatherer.gather(wait_s)
        for batch in gathered.batches:
            self.read.setdefault(batch.partition, []).extend(batch.offsets)
        return gathered

    @property
    def came(self) -> Mapping[int, list[int]]:
        return {partition: list(range(end)) for partition, end in self._next.items()}


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_a_held_partition_waits_and_the_others_go_on() -> None:
    async def test() -> None:
        topic = Topic(most=10)
        topic.gatherer.hold((TOPIC, 0))
        topic.come(1, 2)
        held = RawBatch(TOPIC, 0, range(3), [0] * 3, [None] * 3, [b"12"] * 3, [()] * 3)
        topic.queue.put_nowait(Event(Message(held)))
        assert (await topic.gather()).last == {(TOPIC, 1): 1}
        assert topic.gatherer.set_aside() == [held]
        topic.gatherer.release((TOPIC, 0))
        assert (await topic.gather()).last == {(TOPIC, 0): 2}
        assert topic.gatherer.set_aside() == []

    run(test())


def test_a_release_wakes_who_waits_for_records() -> None:
    async def test() -> None:
        topic = Topic(most=10)
        topic.come(0, 3)
        topic.gatherer.hold((TOPIC, 0))
        gathering = asyncio.ensure_future(topic.gather())
        while not topic.gatherer.set_aside():
            await asyncio.sleep(0)
        topic.gatherer.release((TOPIC, 0))
        assert (await gathering).count == 3

    run(test())


def test_a_released_partition_is_fetched_again_once_it_has_caught_up() -> None:
    async def test() -> None:
        topic = Topic(most=2)
        topic.come(0, 2)
        topic.come(0, 2)
        topic.come(1, 2)
        topic.gatherer.hold((TOPIC, 0))
        await topic.gather()
        topic.gatherer.release((TOPIC, 0))
        assert topic.wanted.held == {(TOPIC, 0)}
        await topic.gather()
        assert topic.wanted.held == {(TOPIC, 0)}
        await topic.gather()
        assert topic.wanted.held == set()

    run(test())


def test_a_partition_is_divided_from_the_others() -> None:
    async def test() -> None:
        topic = Topic(most=10)
        for partition in (0, 1, 0):
            topic.come(partition, 2)
        parts = dict((await topic.gather()).by_partition())
        assert {at: part.count for at, part in parts.items()} == {(TOPIC, 0): 4, (TOPIC, 1): 2}
        assert parts[TOPIC, 0].last == {(TOPIC, 0): 3}
        assert {part.generation for part in parts.values()} == {GENERATION}

    run(test())


@pytest.mark.parametrize("seed", range(300))
def test_whatever_is_held_and_released_each_partition_stays_in_order(seed: int) -> None:
    """Positions raise at any gap; a partition whose messages came out of turn would have one."""

    async def test() -> None:
        draw = random.Random(seed)
        topic = Topic(most=draw.randrange(1, 12))
        held: set[int] = set()
        gathering: asyncio.Future[MicroBatch] | None = None
        for _ in range(200):
            partition = draw.randrange(4)
            match draw.randrange(4):
                case 0 | 1 if (TOPIC, partition) not in topic.wanted.held or draw.random() < 0.3:
                    # What was on its way when the partition was held comes even so.
                    topic.come(partition, draw.randrange(1, 6))
                case 2 if partition not in held and gathering is None:
                    held.add(partition)
                    topic.gatherer.hold((TOPIC, partition))
                case 3 if partition in held:
                    held.discard(partition)
                    topic.gatherer.release((TOPIC, partition))
            gathering = gathering or asyncio.ensure_future(topic.gather(0.001))
            for _ in range(draw.randrange(6)):
                await asyncio.sleep(0)
            if gathering.done():
                gathering.result()
                gathering = None
        for partition in held:
            topic.gatherer.release((TOPIC, partition))
        while topic.read != topic.came:
            await (gathering or topic.gather())
            gathering = None

    run(test())
