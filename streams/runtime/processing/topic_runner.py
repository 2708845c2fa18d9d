"""Runner of one topic's batches: if a server is away, only the affected partitions wait."""

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
    """Runner of a topic's batches, which passes each partition's to the applier in order.

    A batch is tried whole. If a server does not answer, each partition waits with its own part
    until the server does: nothing more of that partition is gathered or fetched during the wait,
    and the others continue. If `divides` is not set, the whole topic waits. `fail` is called with
    the error that ends the worker.
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
        """Apply a batch, or let its parts wait, and return the seconds that this took.

        Returns 0 if parts wait. Raises the error of a step that waiting does not end.
        """
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
        """Wait for the parts that wait for a server.

        Raises:
            StoppedError: If a part was given up because the worker stops.
        """
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
        """Drop a part that succeeded; `end` raises the error of a part that was given up."""
        if not task.cancelled() and task.exception() is None:
            self._waiting.discard(task)
