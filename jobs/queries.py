"""Queries as the run sees them: a stream of rows, and the processing of each batch of it."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from jobs.lake import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """Results for the rows of a batch. When facts are loaded, each row counts once."""

    rows: int
    """Rows of the batch."""
    inserted: int = 0
    """New rows of the star."""
    changed: int = 0
    """Rows of the star that were updated or removed."""
    duplicates: int = 0
    conflicts: int = 0
    """Creates of an id that belongs to another event."""
    other: int = 0
    """Rows that do not concern this job."""


@dataclass(frozen=True, slots=True)
class Query:
    """Streaming query of the run."""

    name: str
    """Name of the query and of its checkpoint."""
    sources: tuple[str, ...]
    """Tables that it reads as streams, in the order in which its checkpoint lists them."""
    target: str
    """Table that the query maintains."""
    stream: Callable[[SparkSession, Lake], DataFrame]
    process: Callable[[DataFrame, int, Lake], BatchCounts]
    """Function that processes a batch. It may get the same batch again after a crash, and must then
    add nothing."""
    after: tuple[str, ...] = ()
    """Queries that must have succeeded in the same round, since this one follows their changes."""


class UnbalancedError(Exception):
    """The rows of a batch do not match the rows written: nothing more is written."""


def stream_of(session: SparkSession, lake: Lake, table: str, files: int) -> DataFrame:
    """Return a table as a stream of at most `files` files per batch; lost files stop it."""
    return (
        session.readStream.format("delta")
        .option("maxFilesPerTrigger", files)
        .option("failOnDataLoss", "true")
        .load(lake.table(table))
    )
