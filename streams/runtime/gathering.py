"""Batches from the queue that Faust fills for one topic."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from streams.runtime.transport import PositionApp

log = structlog.get_logger(__name__)

_POLL_S = 0.005


@dataclass(slots=True)
class Gathered:
    """Messages of one topic and one generation, in order per partition."""

    generation: int
    messages: list[Any] = field(default_factory=list)
    last: dict[Any, int] = field(default_factory=dict)
    """Partition -> offset of its last message."""


class Gatherer:
    """Takes messages off a stream's queue until there are enough or `wait_s` have passed.

    The queue is read directly: Stream.take and noack_take of Faust 0.15 cost a task switch per
    event, flush by a timer that does not know of the first event, and acknowledge what they skip
    at a rebalance.
    """

    def __init__(self, app: PositionApp, queue: Any, *, most: int, wait_s: float) -> None:
        self._app = app
        self._queue = queue
        self._most = most
        self._wait_s = wait_s

    async def gather(self) -> Gathered:
        """The next batch, never empty. Cancelling it loses nothing that was acknowledged."""
        while True:
            first = await self._queue.get()
            gathered = Gathered(generation=self._generation)
            await self._take(gathered, (first,))
            deadline = time.monotonic() + self._wait_s
            while len(gathered.messages) < self._most:
                await self._take(gathered, self._at_hand(self._most - len(gathered.messages)))
                if time.monotonic() >= deadline or gathered.generation != self._generation:
                    break
                await asyncio.sleep(_POLL_S)
            if gathered.messages and gathered.generation == self._generation:
                return gathered

    @property
    def _generation(self) -> int:
        return int(self._app.consumer_generation_id)

    def _at_hand(self, most: int) -> Sequence[Any]:
        return [self._queue.get_nowait() for _ in range(min(most, self._queue.qsize()))]

    async def _take(self, gathered: Gathered, events: Sequence[Any]) -> None:
        positions = self._app.position_consumer.positions
        for event in events:
            message = event.message
            if message.generation_id != gathered.generation:
                continue  # of an earlier assignment: it is read again, by whoever has it now
            partition = message.tp
            if partition not in gathered.last and not positions.knows(
                partition, gathered.generation
            ):
                start = await self._start(partition, message.offset)
                positions.start(partition, gathered.generation, start)
            positions.arrived(partition, message.offset)
            gathered.messages.append(message)
            gathered.last[partition] = message.offset

    async def _start(self, partition: Any, offset: int) -> int:
        """Where reading begins in a partition whose first message is at `offset`."""
        consumer = self._app.position_consumer
        start = consumer.start_position(partition)
        if offset <= start:
            return start
        log_start = await consumer.log_start(partition)
        if 0 < start < log_start:
            log.error(
                "records were removed before this group read them",
                topic=partition.topic,
                partition=partition.partition,
                committed=start,
                log_start=log_start,
            )
        return max(start, log_start)
