"""Decoded events as rows of their topic's bronze table."""

from typing import Final

import pyarrow as pa

from streams.contracts.arrow import arrow_schema
from streams.contracts.batch import APPEND_TIME, OFFSET, PARTITION, SCHEMA_ID, Batch
from streams.contracts.bronze import bronze_table

MILLIS: Final = pa.timestamp("ms", tz="UTC")
DAY: Final = pa.date32()
_POSITION: Final = {
    PARTITION: "kafka_partition",
    OFFSET: "kafka_offset",
    SCHEMA_ID: "schema_id",
}


def bronze_rows(batch: Batch) -> pa.Table:
    """Return one row per event, type by type; a field that a type does not have is null."""
    schema = arrow_schema(bronze_table(batch.topic))
    pieces = [_rows(record_type, columns, schema) for record_type, columns in batch.columns.items()]
    return pa.concat_tables(pieces) if pieces else schema.empty_table()


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
    """Return the column as `kind`; times of events are milliseconds since the Unix epoch."""
    if pa.types.is_timestamp(kind) and pa.types.is_integer(column.type):
        column = column.cast(MILLIS)
    return column.cast(kind)
