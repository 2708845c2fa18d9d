"""A member of the group: the real rules, with Faust's part played here.

Faust's part is what it does to a consumer at a rebalance, in its order and with its gaps: the flow
is still on while the revoked partitions are committed, queues are emptied without a word, and the
end of one rebalance may start the flow in the midst of the next.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from streams.record import TopicPartition
from streams.runtime.consumer.consumer_rules import ConsumerRules
from streams.runtime.consumer.fetch_rules import Fetched, OffsetGap
from streams.runtime.consumer.raw_batch import RawBatch
from tests.simulation.client import Client
from tests.simulation.group import Assignment
from tests.simulation.world import BUFFER, COMMIT_S, World

T = TypeVar("T")


@dataclass(slots=True)
class Message:
    """What the queue's items hold, as a Faust event does."""

    tp: TopicPartition
    generation_id: int
    value: RawBatch


class Item(NamedTuple):
    message: Message


class Member:
    """The `Consumer` of its `ConsumerRules`; it stands still while `thawed` is not set."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.world = world
        self.rebalance = asyncio.Event()
        self.thawed = asyncio.Event()
        self.thawed.set()
        self.flowing = True
        self.lost_batches = False
        self.rules = ConsumerRules(self, BUFFER)
        self.client = Client(
            world.log,
            world.group,
            lag=self.lag,
            flowing=lambda: self.flowing,
            most=world.fetch_records,
            coin=world.coin,
        )
        self.queues: dict[str, asyncio.Queue[Item]] = {
            topic: asyncio.Queue() for topic in world.topics
        }
        self._active: set[TopicPartition] = set()
        self._read: dict[TopicPartition, int | None] = {}
        self._committed: dict[TopicPartition, int | None] = {}
        self._resumed, self._assigned = asyncio.Event(), asyncio.Event()
        self._suspended = asyncio.Event()
        self._committing: asyncio.Future[None] | None = None
        self._seeking: asyncio.Task[dict[TopicPartition, int | None]] | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def _task(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that ends with the process."""
        task = self.world.loop.create_task(coroutine)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    async def lag(self) -> None:
        """A while passes, or as long as the process stands still."""
        await asyncio.sleep(self.world.latency())
        if not self.thawed.is_set():
            await self.thawed.wait()

    def services(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What runs all the time."""
        return self._membership(), self._resumption(), self._draining(), self._commits()

    async def _draining(self) -> None:
        while True:
            if not self.flowing:
                await self._resumed.wait()
            await self.rules.fetch_next()
            await asyncio.sleep(0)

    async def _commits(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_S)
            await self.lag()
            await self.commit()

    # What Faust does at a rebalance

    async def _membership(self) -> None:
        while True:
            self.rebalance.clear()
            await self._revoked(set(self.client.assigned))
            assignment = await self.world.group.join(self)
            await self.lag()
            if assignment is not None:
                self._take_over(assignment)
                await self.rebalance.wait()
            await self.lag()

    async def _revoked(self, partitions: set[TopicPartition]) -> None:
        await self.rules.revoke(partitions)
        self._active -= partitions
        for at in partitions:
            self._read.pop(at, None)
            self._committed.pop(at, None)
        if partitions:
            self.flowing = False
            self._resumed.clear()
            self._suspended.set()
            self._empty_queues()
        self.client.rejoining()

    def _take_over(self, assignment: Assignment) -> None:
        self.world.tell("%s has %s in generation %d", self.name, assignment[1], assignment[0])
        self.client.assign(assignment)
        self._active.clear()
        self._assigned.set()

    async def _resumption(self) -> None:
        """Seek and let messages flow after each assignment, or begin anew at the next one."""
        while True:
            await self._assigned.wait()
            self._assigned.clear()
            again = self._task(self._assigned.wait())
            resuming = self._task(self._resume(self.generation))
            try:
                await asyncio.wait({again, resuming}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                again.cancel()
                resuming.cancel()
            if resuming.done() and not resuming.cancelled():
                resuming.result()

    async def _resume(self, generation: int) -> None:
        await self.lag()
        if generation != self.generation:
            return
        self._active = set(self.client.assigned)
        await self.rules.seek()
        self._empty_queues()
        self.flowing = True
        self._resumed.set()
        self._suspended.clear()

    def _empty_queues(self) -> None:
        for queue in self.queues.values():
            while not queue.empty():
                queue.get_nowait()

    # What the rules ask of a member

    @property
    def generation(self) -> int:
        return self.client.generation

    def assignment(self) -> Set[TopicPartition]:
        return set(self.client.assigned)

    def active(self) -> Set[TopicPartition]:
        return set(self._active)

    def committed(self, partition: TopicPartition) -> int | None:
        return self._committed.get(partition)

    def last_enqueued(self, partition: TopicPartition) -> int | None:
        return self._read.get(partition)

    def pending(self, topic: str) -> list[RawBatch]:
        return [item.message.value for item in self.queues[topic]._queue]  # type: ignore[attr-defined]

    def take_gaps(self) -> Iterator[OffsetGap]:
        return self.client.rules.take_gaps()

    async def log_start(self, partition: TopicPartition) -> int:
        await self.lag()
        return self.world.log.partitions[partition].start

    async def seek_to_commits(self) -> None:
        # In the client's thread: it goes on, though whoever waits for it may be cancelled.
        self._seeking = self._task(self.client.rules.seek(self.client.seek))
        try:
            commits = await asyncio.shield(self._seeking)
        finally:
            self._seeking = None
        self._read.update({at: offset or None for at, offset in commits.items()})
        known = {at: offset or None for at, offset in commits.items() if offset is not None}
        self._committed.update(known)

    async def commit(self) -> None:
        """As Faust does: one at a time, and who comes meanwhile waits for that one."""
        if self._committing is not None:
            await asyncio.wait({self._committing})
            return
        self._committing = self.world.loop.create_future()
        try:
            await self._commit()
        finally:
            done, self._committing = self._committing, None
            done.set_result(None)

    async def _commit(self) -> None:
        offsets = {}
        for at in self.rules.positions.partitions():
            offset, before = self.rules.positions.committable(at), self._committed.get(at)
            if offset is not None and (before is None or offset > before):
                offsets[at] = offset
        await self.lag()
        offsets = {at: offset for at, offset in offsets.items() if at in self.client.assigned}
        if not offsets:
            return
        accepted = self.world.group.commit(self, self.generation, offsets)
        self.world.tell("%s commits %s: %s", self.name, offsets, accepted)
        await self.lag()
        self._committed.update(offsets)

    async def fetch(self, partitions: Set[TopicPartition], within_s: float) -> Fetched:
        await self.lag()
        fetched = await self.client.rules.fetch(partitions, within_s)
        await self.lag()
        while self._seeking is not None and self._seeking.done():
            await asyncio.sleep(0)  # the thread's answers come in their order
        return fetched

    async def enqueue(self, partition: TopicPartition, batch: RawBatch, generation: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.world.latency()):
                await self._suspended.wait()
        if self.world.store.faults.take("lose"):
            self.lost_batches = True
            self.world.tell("%s loses %s %s", self.name, partition, batch.offsets)
        elif self.flowing:
            self.world.tell("%s queues %s %s", self.name, partition, batch.offsets)
            message = Message(partition, generation, batch)
            self.queues[partition[0]].put_nowait(Item(message))
            self.world.check_memory(self.name, partition[0], self.pending(partition[0]))
        self._read[partition] = batch.last

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
