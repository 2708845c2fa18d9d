"""The one step from a micro-batch to an acknowledged one."""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from streams.record import TopicPartition
from streams.runtime.consumer.positions import Positions
from streams.runtime.dead_letters.reported_records import ReportedRecords
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.batcher import MicroBatch
from streams.runtime.processing.pipeline import Pipeline


class Applier:
    """Executor of batches: runs pipelines in threads; positions move only after success.

    The event loop stays free during a batch. `in_hand` holds the partitions of which a batch is in
    its pipeline.
    """

    def __init__(
        self,
        pipelines: Mapping[str, Pipeline[Any, Any]],
        *,
        metrics: Metrics,
        threads: Executor,
        in_hand: set[TopicPartition],
    ) -> None:
        self._pipelines = pipelines
        self._metrics = metrics
        self._threads = threads
        self._in_hand = in_hand

    async def apply(
        self,
        topic: str,
        gathered: MicroBatch,
        positions: Positions,
        buried: ReportedRecords | None = None,
    ) -> float:
        """Apply a batch, acknowledge it, and return the seconds that this took.

        If the pipeline raises an error, nothing of the batch is acknowledged and the error is
        raised.

        Args:
            buried: `BatchPausedError.buried` of an earlier try of this batch, which makes the
                pipeline wait for servers; `None` at the first try.

        Raises:
            BatchPausedError: If a server does not answer at the first try.
            StoppedError: If the worker stops while the pipeline waits.
        """
        began = time.perf_counter()
        if buried is None:
            self._metrics.consumed(topic, gathered.count)
        self._in_hand.update(gathered.last)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._run, topic, gathered, buried)
        for partition, offset in gathered.last.items():
            positions.applied(partition, gathered.generation, offset)
        took_s = time.perf_counter() - began
        oldest = min(batch.timestamps[0] for batch in gathered.batches)
        self._metrics.acknowledged(topic, took_s=took_s, oldest=oldest, now_s=time.time())
        return took_s

    def _run(self, topic: str, gathered: MicroBatch, buried: ReportedRecords | None) -> None:
        pipeline = self._pipelines[topic]
        try:
            if buried is None:
                pipeline.run(gathered.batches)
            else:
                pipeline.resume(gathered.batches, buried)
        finally:
            self._in_hand.difference_update(gathered.last)
