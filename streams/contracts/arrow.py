"""Arrow schemas of the tables that `streams.contracts` declares."""

import functools

import pyarrow as pa

from streams.contracts.tables import Table

_SCALARS = {
    "BIGINT": pa.int64(),
    "INT": pa.int32(),
    "DOUBLE": pa.float64(),
    "STRING": pa.string(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "DATE": pa.date32(),
    "BINARY": pa.binary(),
}
_REQUIRED = frozenset(
    {"record_type", "op", "topic", "kafka_partition", "kafka_offset", "append_time", "append_date"}
)


@functools.cache
def arrow_schema(table: Table) -> pa.Schema:
    """Return the Arrow schema of a table.

    Only columns that every record has are declared NOT NULL: an event's field that is never null
    now may be missing from a record type that joins the topic later.
    """
    return pa.schema(
        pa.field(
            column.name,
            _arrow(column.type),
            nullable=column.name not in _REQUIRED,
            metadata={"comment": column.comment},
        )
        for column in table.columns
    )


def _arrow(kind: str) -> pa.DataType:
    """Return the Arrow type of a Spark SQL type; structs hold scalars only."""
    if kind.startswith("ARRAY<"):
        return pa.list_(_arrow(kind[len("ARRAY<") : -1]))
    if kind.startswith("STRUCT<"):
        fields = (field.split(" ", 1) for field in kind[len("STRUCT<") : -1].split(", "))
        return pa.struct([pa.field(name, _arrow(inner)) for name, inner in fields])
    return _SCALARS[kind]
