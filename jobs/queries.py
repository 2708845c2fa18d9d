"""What a job is to the run: a stream of bronze rows, and what is done with each batch of it."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from jobs.lake import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """What became of the rows of a batch: each row counts once, or twice if it replaced one."""

    rows: int
    """Rows of the batch."""
    inserted: int = 0
    """Rows of the star that are new."""
    changed: int = 0
    """Rows of the star that were updated or removed."""
    duplicates: int = 0
    conflicts: int = 0
    """Creates of an id that another event holds."""
    other: int = 0
    """Rows that are none of this job's business."""


@dataclass(frozen=True, slots=True)
class Query:
    """A streaming query of the run."""

    name: str
    """Also the name of its checkpoint."""
    sources: tuple[str, ...]
    """Tables that it reads as streams, in the order in which its checkpoint lists them."""
    target: str
    """What it keeps."""
    stream: Callable[[SparkSession, Lake], DataFrame]
    process: Callable[[DataFrame, int, Lake], BatchCounts]
    """Settle a batch. It may come again after a crash, as it was, and must then add nothing."""
    after: tuple[str, ...] = ()
    """Queries that must have succeeded in the same round, since this one follows their changes."""


class UnbalancedError(Exception):
    """The rows of a batch do not add up to what was made of them: nothing more is written."""


def stream_of(session: SparkSession, lake: Lake, table: str, files: int) -> DataFrame:
    """A table as a stream of at most `files` files per batch; lost files stop it."""
    return (
        session.readStream.format("delta")
        .option("maxFilesPerTrigger", files)
        .option("failOnDataLoss", "true")
        .load(lake.table(table))
    )
