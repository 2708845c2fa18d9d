"""Micro-batches for a pipeline, made of the fetched batches that Faust queues for one topic."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from streams.runtime.consumer.consumer_rules import ConsumerRules
from streams.runtime.consumer.raw_batch import RawBatch


@dataclass(slots=True)
class MicroBatch:
    """Fetched batches of one topic and one generation, in order per partition."""

    generation: int
    batches: list[RawBatch] = field(default_factory=list)
    last: dict[Any, int] = field(default_factory=dict)
    """Partition -> offset of its last record."""
    count: int = 0
    """Number of records."""

    def add(self, partition: Any, batch: RawBatch) -> None:
        self.batches.append(batch)
        self.last[partition] = batch.last
        self.count += len(batch)

    def by_partition(self) -> "Iterator[tuple[Any, MicroBatch]]":
        """Yield each partition and its part of the batch."""
        for partition in self.last:
            part = MicroBatch(self.generation)
            for batch in self.batches:
                if (batch.topic, batch.partition) == partition:
                    part.add(partition, batch)
            yield partition, part


class Batcher:
    """Collector of records from a stream's queue, by number of records and by time.

    The queue is read directly: Stream.take and noack_take of Faust 0.15 cost a task switch per
    event, flush by a timer that does not know of the first event, and acknowledge what they skip at
    a rebalance.
    """

    def __init__(self, intake: ConsumerRules, queue: Any, *, most: int) -> None:
        self._intake = intake
        self._queue = queue
        self._most = most
        self._left: deque[Any] = deque()
        """Messages to take before those of the queue: the rest of a message that did not fit into
        the batch before, and what came while its partition was on hold."""
        self._held: dict[Any, deque[Any]] = {}
        """Partition on hold -> its messages that are to wait."""
        self._returned = asyncio.Event()

    def hold(self, partition: Any) -> None:
        """Gather nothing of a partition until it is released; nothing more of it is fetched."""
        self._held[partition] = deque()
        self._intake.hold(partition)

    def release(self, partition: Any) -> None:
        """Continue with a partition where `hold` stopped it."""
        self._left.extendleft(reversed(self._held.pop(partition)))
        self._returned.set()
        self._resume(partition)

    def set_aside(self) -> list[RawBatch]:
        """Return what was taken off the queue and is in no batch yet. Called from any thread."""
        held = [message for messages in tuple(self._held.values()) for message in tuple(messages)]
        return [message.value for message in (*tuple(self._left), *held)]

    async def gather(self, wait_s: float) -> MicroBatch:
        """Return the next batch, never empty: what came soon enough after its first records.

        Cancelling the call loses nothing that was acknowledged.

        Args:
            wait_s: Longest wait, in seconds, for more records after the first ones.
        """
        while True:
            first = self._at_hand() or await self._next()
            if first is None:
                continue  # messages on hold came back
            gathered = MicroBatch(generation=self._intake.generation)
            await self._take(gathered, first)
            deadline = asyncio.get_running_loop().time() + wait_s
            while gathered.count < self._most and self._is_current(gathered):
                message = self._at_hand() or await self._until(deadline)
                if message is None:
                    break
                await self._take(gathered, message)
            if gathered.batches and self._is_current(gathered):
                return gathered

    async def _next(self) -> Any:
        """Wait for the queue's next message; return `None` if held messages came back instead."""
        if not self._held:
            return (await self._queue.get()).message
        self._returned.clear()
        coming = asyncio.ensure_future(self._queue.get())
        returned = asyncio.ensure_future(self._returned.wait())
        try:
            await asyncio.wait({coming, returned}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            returned.cancel()
            if not coming.done():
                coming.cancel()
        return self._in_turn(coming.result().message) if coming.done() else None

    async def _until(self, deadline: float) -> Any:
        """Return the next message; `None` if none comes before `deadline`."""
        left_s = deadline - asyncio.get_running_loop().time()
        if left_s <= 0:
            return None
        try:
            async with asyncio.timeout(left_s):
                return self._in_turn((await self._queue.get()).message)
        except TimeoutError:
            return None

    def _in_turn(self, message: Any) -> Any:
        """Return the message, or one that came back during the wait, which goes before it."""
        if not self._left:
            return message
        self._left.append(message)
        return self._at_hand()

    def _is_current(self, gathered: MicroBatch) -> bool:
        return gathered.generation == self._intake.generation

    def _at_hand(self) -> Any:
        """Return the next message if it is there already, `None` otherwise."""
        if self._left:
            message = self._left.popleft()
            self._resume(message.tp)
            return message
        return None if self._queue.empty() else self._queue.get_nowait().message

    def _resume(self, partition: Any) -> None:
        """Allow fetching of a partition once all is taken of it that came while it was on hold."""
        if partition not in self._held and all(left.tp != partition for left in self._left):
            self._intake.resume(partition)

    async def _take(self, gathered: MicroBatch, message: Any) -> None:
        """Add as many of the message's records as there is room for; the others stay for later."""
        if message.generation_id != gathered.generation:
            # The member that has the partition now reads a message of an earlier assignment again.
            # A message of a later one comes too late for this batch, and begins the next.
            if message.generation_id == self._intake.generation:
                self._left.appendleft(message)
            return
        batch: RawBatch = message.value
        partition = message.tp
        if partition in self._held:
            self._held[partition].append(message)
            return
        if partition not in gathered.last and not await self._intake.begin(
            partition, gathered.generation, batch.offsets[0]
        ):
            return
        room = self._most - gathered.count
        if len(batch) > room:
            batch, message.value = batch.split(room)
            self._left.appendleft(message)
        for run in batch.runs():
            self._intake.positions.arrived(partition, run.first, run.last)
        gathered.add(partition, batch)
