"""Runner of one topic's batches: if a server is away, only the affected partitions wait."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Set
from concurrent.futures import Executor
from typing import Any

import structlog

from streams.record import TopicPartition
from streams.runtime.consumer.positions import Positions
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.reported_records import ReportedRecords
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.batcher import Batcher, MicroBatch
from streams.runtime.processing.pipeline import BatchPausedError, Pipeline
from streams.runtime.processing.retry import StoppedError

log = structlog.get_logger(__name__)


class TopicRunner:
    """Runner of a topic's batches through its pipeline, each partition's in order.

    The pipeline runs in a thread, so the event loop stays free; positions move only after success.
    A batch is tried whole. If a server does not answer, each partition waits with its own part
    until the server does: nothing more of that partition is batched or fetched during the wait,
    and the others continue. If `divides` is not set, the whole topic waits. `fail` is called with
    the error that ends the worker.
    """

    def __init__(
        self,
        topic: str,
        pipeline: Pipeline[Any, Any],
        batcher: Batcher,
        positions: Positions,
        *,
        metrics: Metrics,
        threads: Executor,
        fail: Callable[[Exception], None],
        divides: bool,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] = asyncio.create_task,
    ) -> None:
        self._topic = topic
        self._pipeline = pipeline
        self._batcher = batcher
        self._positions = positions
        self._metrics = metrics
        self._threads = threads
        self._fail = fail
        self._divides = divides
        self._start = start
        self._paused: set[asyncio.Task[None]] = set()
        self._in_flight: set[TopicPartition] = set()

    def in_flight(self) -> Set[TopicPartition]:
        """Return the partitions with a batch in the pipeline. May be called from any thread."""
        return self._in_flight.copy()

    def buffered(self) -> list[RawBatch]:
        """Return what was taken off the queue and is in no batch yet. Called from any thread."""
        return self._batcher.buffered()

    async def run(self, batch: MicroBatch) -> float:
        """Apply a batch, or let its parts wait, and return the seconds that this took.

        Returns 0 if parts wait. Raises the error of a step that waiting does not end.
        """
        self._metrics.consumed(self._topic, batch.count)
        try:
            return await self._apply(batch)
        except BatchPausedError as paused:
            cause = paused.__cause__
            log.warning(
                "waiting for a server",
                error=f"{type(cause).__name__}: {cause}",
                topic=self._topic,
                step=paused.step,
            )
            reported = paused.reported
        if not self._divides:
            return await self._apply(batch, reported)
        for partition, part in batch.by_partition():
            self._batcher.hold(partition)
            task = self._start(self._retry(partition, part, reported))
            self._paused.add(task)
            task.add_done_callback(self._ended)
        return 0.0

    async def end(self) -> None:
        """Wait for the parts that wait for a server.

        Raises:
            StoppedError: If a part was given up because the worker stops.
        """
        await asyncio.gather(*self._paused)

    async def _retry(self, partition: Any, part: MicroBatch, reported: ReportedRecords) -> None:
        try:
            await self._apply(part, reported)
        except StoppedError:
            raise
        except Exception as error:  # noqa: BLE001 - handed to the worker, which raises it
            self._fail(error)
        else:
            self._batcher.release(partition)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Drop a part that succeeded; `end` raises the error of a part that was given up."""
        if not task.cancelled() and task.exception() is None:
            self._paused.discard(task)

    async def _apply(self, batch: MicroBatch, reported: ReportedRecords | None = None) -> float:
        """Apply a batch, acknowledge it, and return the seconds that this took.

        If the pipeline raises an error, nothing of the batch is acknowledged and the error is
        raised.

        Args:
            reported: `BatchPausedError.reported` of an earlier try of this batch, which makes the
                pipeline wait for servers; `None` at the first try.
        """
        began = time.perf_counter()
        self._in_flight.update(batch.last)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._run_pipeline, batch, reported)
        for partition, offset in batch.last.items():
            self._positions.applied(partition, batch.generation, offset)
        took_s = time.perf_counter() - began
        oldest = min(raw.timestamps[0] for raw in batch.batches)
        self._metrics.acknowledged(self._topic, took_s=took_s, oldest=oldest, now_s=time.time())
        return took_s

    def _run_pipeline(self, batch: MicroBatch, reported: ReportedRecords | None) -> None:
        try:
            if reported is None:
                self._pipeline.run(batch.batches)
            else:
                self._pipeline.retry(batch.batches, reported)
        finally:
            self._in_flight.difference_update(batch.last)
