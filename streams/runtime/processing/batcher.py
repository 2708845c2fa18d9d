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

    def __init__(self, rules: ConsumerRules, queue: Any, *, max_records: int) -> None:
        self._rules = rules
        self._queue = queue
        self._max_records = max_records
        self._buffered: deque[Any] = deque()
        """Messages to take before those of the queue: the rest of a message that did not fit into
        the batch before, and what came while its partition was on hold."""
        self._held: dict[Any, deque[Any]] = {}
        """Partition on hold -> its messages that are to wait."""
        self._released = asyncio.Event()

    def hold(self, partition: Any) -> None:
        """Gather nothing of a partition until it is released; nothing more of it is fetched."""
        self._held[partition] = deque()
        self._rules.hold(partition)

    def release(self, partition: Any) -> None:
        """Continue with a partition where `hold` stopped it."""
        self._buffered.extendleft(reversed(self._held.pop(partition)))
        self._released.set()
        self._resume(partition)

    def buffered(self) -> list[RawBatch]:
        """Return what was taken off the queue and is in no batch yet. Called from any thread."""
        held = [message for messages in tuple(self._held.values()) for message in tuple(messages)]
        return [message.value for message in (*tuple(self._buffered), *held)]

    async def next_batch(self, wait_s: float = 0.0, pause_s: float = 0.0) -> MicroBatch:
        """Return the next batch, never empty: what came soon enough after its first records.

        A full batch waits for nothing. Cancelling the call loses nothing that was acknowledged.

        Args:
            wait_s: Wait for more records, in seconds from the first ones on.
            pause_s: Wait for more records, in seconds from this call on.
        """
        loop = asyncio.get_running_loop()
        pause_ends = loop.time() + pause_s
        while True:
            first = self._next_buffered() or await self._next()
            if first is None:
                continue  # messages on hold came back
            micro_batch = MicroBatch(generation=self._rules.generation)
            await self._add(micro_batch, first)
            deadline = max(loop.time() + wait_s, pause_ends)
            while micro_batch.count < self._max_records and self._is_current(micro_batch):
                message = self._next_buffered() or await self._next_before(deadline)
                if message is None:
                    break
                await self._add(micro_batch, message)
            if micro_batch.batches and self._is_current(micro_batch):
                return micro_batch

    async def _next(self) -> Any:
        """Wait for the queue's next message; return `None` if held messages came back instead."""
        if not self._held:
            return (await self._queue.get()).message
        self._released.clear()
        message_task = asyncio.ensure_future(self._queue.get())
        released = asyncio.ensure_future(self._released.wait())
        try:
            await asyncio.wait({message_task, released}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            if not message_task.done():
                message_task.cancel()
        return self._in_order(message_task.result().message) if message_task.done() else None

    async def _next_before(self, deadline: float) -> Any:
        """Return the next message; `None` if none comes before `deadline`."""
        remaining_s = deadline - asyncio.get_running_loop().time()
        if remaining_s <= 0:
            return None
        try:
            async with asyncio.timeout(remaining_s):
                return self._in_order((await self._queue.get()).message)
        except TimeoutError:
            return None

    def _in_order(self, message: Any) -> Any:
        """Return the message, or one that came back during the wait, which goes before it."""
        if not self._buffered:
            return message
        self._buffered.append(message)
        return self._next_buffered()

    def _is_current(self, micro_batch: MicroBatch) -> bool:
        return micro_batch.generation == self._rules.generation

    def _next_buffered(self) -> Any:
        """Return the next message if it is there already, `None` otherwise."""
        if self._buffered:
            message = self._buffered.popleft()
            self._resume(message.tp)
            return message
        return None if self._queue.empty() else self._queue.get_nowait().message

    def _resume(self, partition: Any) -> None:
        """Allow fetching of a partition once all is taken of it that came while it was on hold."""
        if partition not in self._held and all(left.tp != partition for left in self._buffered):
            self._rules.resume(partition)

    async def _add(self, micro_batch: MicroBatch, message: Any) -> None:
        """Add as many of the message's records as there is room for; the others stay for later."""
        if message.generation_id != micro_batch.generation:
            # The member that has the partition now reads a message of an earlier assignment again.
            # A message of a later one comes too late for this batch, and begins the next.
            if message.generation_id == self._rules.generation:
                self._buffered.appendleft(message)
            return
        batch: RawBatch = message.value
        partition = message.tp
        if partition in self._held:
            self._held[partition].append(message)
            return
        if partition not in micro_batch.last and not await self._rules.begin(
            partition, micro_batch.generation, batch.offsets[0]
        ):
            return
        room = self._max_records - micro_batch.count
        if len(batch) > room:
            batch, message.value = batch.split(room)
            self._buffered.appendleft(message)
        for run in batch.runs():
            self._rules.positions.received(partition, run.first, run.last)
        micro_batch.add(partition, batch)
