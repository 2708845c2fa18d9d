"""Run of one query over what its sources hold now, batch by batch."""

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
    """Batch that is in the star and is not repeated."""

    query: str
    batch_id: int
    counts: BatchCounts
    seconds: float


class RunStoppedError(Exception):
    """The run ended between two batches, as requested."""


def run_available(
    session: SparkSession,
    lake: Lake,
    query: Query,
    report: Callable[[BatchDone], None],
    stopping: Callable[[], bool],
) -> None:
    """Bring the query up to its sources as they are now. A job's own error passes through.

    A batch that began and did not finish comes again, unchanged, in the next run.

    Args:
        report: called after each batch.
        stopping: called before each batch; `True` ends the run.

    Raises:
        RunStoppedError: `stopping` returned `True`.
    """
    failures: list[Exception] = []

    def process(batch: DataFrame, batch_id: int) -> None:
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
        .foreachBatch(process)
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
