"""A rebalance while a batch fills: no record of the new assignment is lost."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from streams.runtime.consumer.consumer_rules import Buffer, ConsumerRules
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.processing.batcher import Batcher, MicroBatch

LIKES = ("likes", 0)
LONG_S = 60.0


@dataclass
class Message:
    generation_id: int
    value: RawBatch
    tp: tuple[str, int] = LIKES


class Event(NamedTuple):
    message: Message


class GroupMember:
    """A group's member with one partition and no commit."""

    generation = 1

    def assignment(self) -> set[tuple[str, int]]:
        return {LIKES}

    def committed(self, _: object) -> int | None:
        return None

    async def log_start(self, _: object) -> int:
        return 0

    async def seek_to_commits(self) -> None:
        """It stands there."""


def batch(*offsets: int) -> RawBatch:
    some = [b"v"] * len(offsets)
    return RawBatch(*LIKES, offsets, [0] * len(offsets), some, some, [()] * len(offsets))


class Topic:
    """A batcher, its queue, and the member whose generation it uses."""

    def __init__(self, max_records: int) -> None:
        self.member = cast(Any, GroupMember())
        self.rules = ConsumerRules(self.member, Buffer())
        self.queue: asyncio.Queue[Event] = asyncio.Queue()
        self.batcher = Batcher(self.rules, self.queue, max_records=max_records)

    def put(self, *offsets: int) -> None:
        self.queue.put_nowait(Event(Message(self.member.generation, batch(*offsets))))

    async def rebalance(self) -> None:
        await self.rules.seek()
        self.rules.positions.forget({LIKES})
        self.member.generation += 1
        await self.rules.seek()


def offsets(micro_batch: MicroBatch) -> list[int]:
    return [offset for part in micro_batch.batches for offset in part.offsets]


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, LONG_S / 10))


def test_messages_become_batches_of_the_size_that_is_wanted() -> None:
    async def story() -> None:
        topic = Topic(max_records=3)
        await topic.rules.seek()
        topic.put(0, 1)
        topic.put(2, 3, 4)
        first = await topic.batcher.next_batch(LONG_S)
        assert (offsets(first), first.last, first.count) == ([0, 1, 2], {LIKES: 2}, 3)
        second = await topic.batcher.next_batch(0)
        assert (offsets(second), second.last) == ([3, 4], {LIKES: 4})

    run(story())


def test_a_new_assignment_ends_the_batch_of_the_old_one_and_loses_nothing() -> None:
    async def story() -> None:
        topic = Topic(max_records=2)
        await topic.rules.seek()
        topic.put(0)
        micro_batch = asyncio.ensure_future(topic.batcher.next_batch(LONG_S))
        while not topic.queue.empty():
            await asyncio.sleep(0)
        await topic.rebalance()
        topic.put(0, 1)
        batch = await micro_batch
        assert (batch.generation, offsets(batch)) == (2, [0, 1])

    run(story())


def test_what_is_left_of_an_earlier_assignment_is_not_used() -> None:
    async def story() -> None:
        topic = Topic(max_records=2)
        await topic.rules.seek()
        topic.put(0, 1, 2)
        assert offsets(await topic.batcher.next_batch(LONG_S)) == [0, 1]
        await topic.rebalance()
        topic.put(0, 1)
        assert offsets(await topic.batcher.next_batch(LONG_S)) == [0, 1]

    run(story())
