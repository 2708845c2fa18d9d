"""The way of one topic's batches, on which a server that is away holds up no more than it must."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from streams.runtime.consumer.positions import Positions
from streams.runtime.dead_letters.reported_records import ReportedRecords
from streams.runtime.processing.applier import Applier
from streams.runtime.processing.batcher import Batcher, MicroBatch
from streams.runtime.processing.pipeline import BatchPausedError
from streams.runtime.processing.retry import StoppedError

log = structlog.get_logger(__name__)


class TopicRunner:
    """Takes a topic's batches to the applier, each partition's in order.

    A batch is tried whole. Where a server does not answer, each partition waits with its own part
    until it does: nothing more of that partition is gathered or fetched meanwhile, and the others
    go on. Where `divides` is not set the whole topic waits. `fail` is called with what ends the
    worker.
    """

    def __init__(
        self,
        topic: str,
        gatherer: Batcher,
        applier: Applier,
        positions: Positions,
        fail: Callable[[Exception], None],
        *,
        divides: bool,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] = asyncio.create_task,
    ) -> None:
        self._topic = topic
        self._gatherer = gatherer
        self._applier = applier
        self._positions = positions
        self._fail = fail
        self._divides = divides
        self._start = start
        self._waiting: set[asyncio.Task[None]] = set()

    async def apply(self, gathered: MicroBatch) -> float:
        """Apply a batch, or let its parts wait; how many seconds it took. Raises what fails."""
        try:
            return await self._applier.apply(self._topic, gathered, self._positions)
        except BatchPausedError as held_up:
            cause = held_up.__cause__
            log.warning(
                "waiting for a server",
                error=f"{type(cause).__name__}: {cause}",
                topic=self._topic,
                step=held_up.step,
            )
            buried = held_up.buried
        if not self._divides:
            return await self._applier.apply(self._topic, gathered, self._positions, buried)
        for partition, part in gathered.by_partition():
            self._gatherer.hold(partition)
            task = self._start(self._wait(partition, part, buried))
            self._waiting.add(task)
            task.add_done_callback(self._ended)
        return 0.0

    async def end(self) -> None:
        """Wait for what waits. Raises StoppedError where some of it was given up."""
        await asyncio.gather(*self._waiting)

    async def _wait(self, partition: Any, part: MicroBatch, buried: ReportedRecords) -> None:
        try:
            await self._applier.apply(self._topic, part, self._positions, buried)
        except StoppedError:
            raise
        except Exception as error:  # noqa: BLE001 - handed to the worker, which raises it
            self._fail(error)
        else:
            self._gatherer.release(partition)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Forget a part that is done; one that was given up is told of by `end`."""
        if not task.cancelled() and task.exception() is None:
            self._waiting.discard(task)
