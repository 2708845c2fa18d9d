"""Decoded events as rows of their topic's bronze table."""

from collections.abc import Collection
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from streams.contracts.arrow import arrow_schema
from streams.contracts.batch import APPEND_TIME, OFFSET, PARTITION, SCHEMA_ID, Batch, Position
from streams.contracts.bronze import bronze_table
from streams.contracts.fields import Kind, fields_of

MILLIS: Final = pa.timestamp("ms", tz="UTC")
DAY: Final = pa.date32()
_FIRST_MS: Final = -62_135_596_800_000  # 0001-01-01
_LAST_MS: Final = 253_402_300_799_999  # 9999-12-31
_POSITION: Final = {
    PARTITION: "kafka_partition",
    OFFSET: "kafka_offset",
    SCHEMA_ID: "schema_id",
}


def bronze_rows(batch: Batch) -> pa.Table:
    """One row per event, type by type; a field that a type does not have is null."""
    schema = arrow_schema(bronze_table(batch.topic))
    pieces = [_rows(record_type, columns, schema) for record_type, columns in batch.columns.items()]
    return pa.concat_tables(pieces) if pieces else schema.empty_table()


def untimely(batch: Batch) -> dict[Position, str]:
    """Events with a time that no table can hold -> the field. Few events have one, if any."""
    found: dict[Position, str] = {}
    for record_type, columns in batch.columns.items():
        for field in fields_of(record_type):
            if field.kind is not Kind.TIME:
                continue
            times = columns.column(field.name)
            outside = pc.or_(pc.less(times, _FIRST_MS), pc.greater(times, _LAST_MS))
            if pc.any(outside).as_py():
                bad = columns.filter(outside)
                places = zip(bad.column(PARTITION), bad.column(OFFSET), strict=True)
                found |= {Position(at.as_py(), offset.as_py()): field.name for at, offset in places}
    return found


def without(batch: Batch, positions: Collection[Position]) -> Batch:
    """The batch without the events at these positions."""
    kept = {}
    for record_type, columns in batch.columns.items():
        places = zip(
            columns.column(PARTITION).to_pylist(), columns.column(OFFSET).to_pylist(), strict=True
        )
        mask = pa.array([Position(*place) not in positions for place in places], pa.bool_())
        kept[record_type] = columns.filter(mask)
    return Batch(batch.topic, kept)


def _rows(record_type: str, columns: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    appended = columns.column(APPEND_TIME).cast(MILLIS)
    given = dict(zip(columns.schema.names, columns.columns, strict=True))
    given |= {name: given[own] for own, name in _POSITION.items()}
    given |= {
        "record_type": pa.repeat(pa.scalar(record_type), len(columns)),
        "append_time": appended,
        "append_date": appended.cast(DAY),
    }
    return pa.table(
        [
            _as(given[field.name], field.type)
            if field.name in given
            else pa.nulls(len(columns), field.type)
            for field in schema
        ],
        schema=schema,
    )


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """An event's times are ms since the Unix epoch."""
    if pa.types.is_timestamp(kind) and pa.types.is_integer(column.type):
        column = column.cast(MILLIS)
    return column.cast(kind)
