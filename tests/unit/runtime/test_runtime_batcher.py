"""Batches: their size and their times; a rebalance loses no record of the new assignment."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from streams.runtime.consumer.consumer_rules import Buffer, ConsumerRules
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.processing.batcher import Batcher, MicroBatch
from tests.simulation.virtual import VirtualLoop

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


PAUSE_S = 0.1
APPLY_S = 0.01


def times_of_batches(
    max_records: int, arrivals: dict[int, float], wait_s: float = 0.0
) -> list[tuple[float, list[int]]]:
    """Return the virtual time and the offsets of each batch, given offset -> seconds of arrival.

    Times are rounded to tenths of a millisecond.
    """

    async def story() -> list[tuple[float, list[int]]]:
        loop, topic = asyncio.get_running_loop(), Topic(max_records)
        found: list[tuple[float, list[int]]] = []
        await topic.rules.seek()
        for offset, at in arrivals.items():
            loop.call_at(at, topic.put, offset)
        while sum(len(taken) for _, taken in found) < len(arrivals):
            taken = offsets(await topic.batcher.next_batch(wait_s, PAUSE_S))
            found.append((round(loop.time(), 4), taken))
            await asyncio.sleep(APPLY_S)
        return found

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story())


def test_a_record_after_a_pause_waits_for_nothing() -> None:
    assert times_of_batches(10, {0: 1.0, 1: 2.0, 2: 2.2}) == [(1.0, [0]), (2.0, [1]), (2.2, [2])]


def test_records_that_follow_each_other_closely_share_a_batch_per_pause() -> None:
    every_21_ms = {number: 1 + number * 0.021 for number in range(12)}
    assert times_of_batches(10, every_21_ms) == [
        (1.0, [0]),
        (1.11, [1, 2, 3, 4, 5]),
        (1.22, [6, 7, 8, 9, 10]),
        (1.33, [11]),
    ]


def test_a_patient_batch_waits_from_its_first_record_on_even_after_a_pause() -> None:
    assert times_of_batches(10, {0: 1.0, 1: 1.4, 2: 1.6}, wait_s=0.5) == [(1.5, [0, 1]), (2.1, [2])]


def test_a_full_batch_waits_for_nothing() -> None:
    at_once = {number: 1.0 + number / 1000 for number in range(7)}
    assert times_of_batches(2, at_once) == [
        (1.0, [0]),
        (1.01, [1, 2]),
        (1.02, [3, 4]),
        (1.03, [5, 6]),
    ]


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
