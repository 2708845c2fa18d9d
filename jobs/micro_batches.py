"""Runs one query over what its sources hold now, batch by batch."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from jobs.lake import Lake
from jobs.queries import BatchCounts, Query

_POLL_S: Final = 1


@dataclass(frozen=True, slots=True)
class BatchDone:
    """A batch is in the star, and need not come again."""

    query: str
    batch_id: int
    counts: BatchCounts
    seconds: float


class RunStoppedError(Exception):
    """The run was asked to end, and did so between two batches."""


def run_available(
    session: SparkSession,
    lake: Lake,
    query: Query,
    report: Callable[[BatchDone], None],
    stopping: Callable[[], bool],
) -> None:
    """Bring the query up to its sources as they are now. What it raises is the job's own error.

    Raises StoppedError where `stopping` says so before a batch. A batch begun and not finished
    comes again, as it was, at the next run.
    """
    failures: list[Exception] = []

    def settle(batch: DataFrame, batch_id: int) -> None:
        try:
            if stopping():
                raise RunStoppedError(query.name)
            began = time.monotonic()
            counts = query.process(batch, batch_id, lake)
            report(BatchDone(query.name, batch_id, counts, time.monotonic() - began))
        except Exception as error:
            failures.append(error)
            raise

    running = (
        query.stream(session, lake)
        .writeStream.queryName(query.name)
        .option("checkpointLocation", lake.checkpoint(query.name))
        .trigger(availableNow=True)
        .foreachBatch(settle)
        .start()
    )
    try:
        while not running.awaitTermination(_POLL_S):
            pass
    except StreamingQueryException:
        if failures:
            raise failures[0] from None
        raise
    finally:
        running.stop()
