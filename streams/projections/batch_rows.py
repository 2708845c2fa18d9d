"""Rows of a batch as tuples, without repeated events."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa

from streams.contracts.batch import APPEND_TIME, OFFSET, PARTITION, Batch
from streams.record import RecordPosition

_ORIGIN = (PARTITION, OFFSET, APPEND_TIME)


def frame(columns: pa.RecordBatch) -> pl.DataFrame:
    """Return the columns as a Polars frame, without copying."""
    table = pl.from_arrow(columns)
    assert isinstance(table, pl.DataFrame)  # noqa: S101 - narrows the type only
    return table


def distinct(batch: Batch, record_type: str) -> tuple[pl.DataFrame | None, int]:
    """Return the batch's distinct events of a type, and the number of repetitions.

    Only rows that are equal in every field of the event are repetitions: two events that merely
    share an id are two events.

    Returns:
        The distinct rows in the order of the batch, or `None` if the batch has no events of the
        type.
    """
    columns = batch.columns.get(record_type)
    if columns is None:
        return None, 0
    rows = frame(columns)
    fields = [name for name in rows.columns if name not in _ORIGIN]
    kept = rows.unique(subset=fields, keep="first", maintain_order=True)
    return kept, len(rows) - len(kept)


def named(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield each row as field -> value; lists become tuples."""
    lists = [name for name, dtype in rows.schema.items() if dtype == pl.List]
    for row in rows.iter_rows(named=True):
        for name in lists:
            row[name] = tuple(row[name] or ())
        yield row


def position(topic: str, row: dict[str, Any]) -> RecordPosition:
    """Return the position of the row's record."""
    return RecordPosition(topic, row[PARTITION], row[OFFSET])
