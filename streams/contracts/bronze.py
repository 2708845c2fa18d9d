"""Tables that the lake agent writes: a bronze table per source topic, and the quarantine."""

import functools
from collections.abc import Iterable, Mapping
from typing import Final

from streams.contracts.catalog import schemas, topics
from streams.contracts.fields import Field, FieldKind, fields_of
from streams.contracts.tables import (
    BRONZE,
    BRONZE_POSITION,
    HEADERS,
    QUARANTINE,
    REFUSED_CHANGE,
    USER,
    Column,
    Table,
)

USERS_TOPIC: Final = "accounts.public.users"
"""The accounts database's change stream, written by Debezium."""

_TYPES: Final[Mapping[FieldKind, str]] = {
    FieldKind.ID: "BIGINT",
    FieldKind.TIME: "TIMESTAMP",
    FieldKind.INTEGER: "BIGINT",
    FieldKind.NUMBER: "DOUBLE",
    FieldKind.TEXT: "STRING",
    FieldKind.TEXTS: "ARRAY<STRING>",
    FieldKind.ENUM: "STRING",
}
USER_ROW: Final = f"STRUCT<{', '.join(f'{column.name} {column.type}' for column in USER)}>"
_PARTITIONED: Final = ("append_date",)
_TOMBSTONE: Final = "tombstone, or "

_CHANGE: Final = (
    Column("op", "STRING", "r read by a snapshot, c, u, d, t truncate, or tombstone"),
    Column("user_id", "BIGINT", "the account, from the record's key", "op is t"),
    Column("before", USER_ROW, "the row as it was", "it did not exist, or op is r"),
    Column(
        "after",
        USER_ROW,
        "the row as it is; a column is null if it was degraded",
        "it exists no more",
    ),
    Column("new_key", "BIGINT", "of a d: the id that the row has now", "the id did not change"),
    Column("old_key", "BIGINT", "of a c: the id that the row had", "the id did not change"),
    Column("lsn", "BIGINT", "position in PostgreSQL's log", "tombstone"),
    Column("tx_id", "BIGINT", "the transaction", "tombstone, or told by none"),
    Column("tx_order", "BIGINT", "number of the change in its transaction", "snapshot, tombstone"),
    Column("committed_at", "TIMESTAMP", "when the transaction was committed", "tombstone"),
    Column("snapshot", "STRING", "as Debezium marks it: first, true, last, …", "tombstone"),
    Column("degraded", "STRING", "what of it could not be kept, and why", "all was kept"),
)

QUARANTINE_TABLE: Final = Table(
    QUARANTINE,
    "one Kafka record that no bronze table could take",
    (
        Column("topic", "STRING", "where it was read"),
        Column("kafka_partition", "INT", "partition of the topic"),
        Column("kafka_offset", "BIGINT", "offset in the partition; unique with both"),
        Column("append_time", "TIMESTAMP", "when the broker appended the record"),
        Column("append_date", "DATE", "day of append_time (UTC); the table is partitioned by it"),
        Column("code", "STRING", "why, as the dead letter codes name it"),
        Column("error", "STRING", "class of the error"),
        Column("message", "STRING", "the error in words; quotes no content"),
        Column("key", "BINARY", "the record's key as it came", "it had none"),
        Column("value", "BINARY", "the record's value as it came", "it had none"),
        Column("change", REFUSED_CHANGE, "of accounts: what could be read of it", "other topics"),
        Column(
            "headers",
            HEADERS,
            "the record's headers as they came, in order; names may repeat, none: []",
            "written by a version that did not keep them",
        ),
    ),
    partitioned_by=_PARTITIONED,
)


@functools.cache
def bronze_table(topic: str) -> Table:
    """Return the bronze table of a source topic. Raises KeyError if the topic has none."""
    name = BRONZE[topic]
    if topic == USERS_TOPIC:
        grain = "one change of a row of users, as Debezium captured it"
        return Table(name, grain, (*_CHANGE, *BRONZE_POSITION), _PARTITIONED)
    record_types = topics()[topic].records
    columns = (
        Column("record_type", "STRING", f"one of {', '.join(record_types)}"),
        *_event_columns(record_types),
        *(
            # These tables hold decoded events, so no row is a tombstone.
            Column(column.name, column.type, column.comment, column.null.removeprefix(_TOMBSTONE))
            for column in BRONZE_POSITION
        ),
    )
    return Table(name, f"one record of {topic}", columns, _PARTITIONED)


@functools.cache
def lake_tables() -> tuple[Table, ...]:
    """Return every table that the lake agent writes."""
    return (*(bronze_table(topic) for topic in BRONZE), QUARANTINE_TABLE)


def _event_columns(record_types: Iterable[str]) -> Iterable[Column]:
    """Yield a column per field of the record types, in the order of first appearance."""
    record_types = tuple(record_types)
    seen: dict[str, tuple[Field, list[str]]] = {}
    for record_type in record_types:
        for field in fields_of(record_type):
            seen.setdefault(field.name, (field, []))[1].append(record_type)
    for name, (field, carriers) in seen.items():
        optional = any(_field(kind, name).optional for kind in carriers)
        others = [kind for kind in record_types if kind not in carriers]
        reasons = ["not told"] * optional + others
        yield Column(name, _TYPES[field.kind], _doc(carriers[0], name), ", ".join(reasons))


def _field(record_type: str, name: str) -> Field:
    return next(field for field in fields_of(record_type) if field.name == name)


def _doc(record_type: str, name: str) -> str:
    found = next(field for field in schemas()[record_type]["fields"] if field["name"] == name)
    return str(found.get("doc", "")).rstrip(".")
