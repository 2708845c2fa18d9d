"""Change events of the accounts database: Debezium's envelopes to rows of their bronze table.

Key and value are Avro, each with a schema of its own, which Connect registers and which the frame
or a header names (`streams.contracts.frames`). What is read of them is fixed here: a column that
this version does not know is left out, one that the writer does not have is null. A text that
PostgreSQL did not send, because the change left it alone, comes as Debezium's placeholder
`__debezium_unavailable_value`, and is kept.
"""

import functools
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import fastavro
import pyarrow as pa

from streams.contracts.arrow import arrow_schema
from streams.contracts.batch import ErrorCode, Record, Rejected
from streams.contracts.bronze import USERS_TOPIC, bronze_table
from streams.contracts.codec import DECODE_STAGE, SchemaLookup, UnknownSchemaError, schema_text
from streams.contracts.frames import PREFIX, FrameError, Part, SchemaRef, schema_in_headers
from streams.contracts.tables import USER

TOMBSTONE: Final = "tombstone"
TRUNCATE: Final = "t"
_OPS: Final = frozenset({"r", "c", "u", "d", TRUNCATE})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NEW_KEY: Final = "__debezium.newkey"
_OLD_KEY: Final = "__debezium.oldkey"
_KINDS: Final = {"BIGINT": int, "STRING": str, "BOOLEAN": bool, "TIMESTAMP": str}
_KNOWN: Final = {column.name: column.type for column in USER}


class Changes(NamedTuple):
    """Rows of the bronze table, and what was refused, each in the order of the records."""

    rows: pa.Table
    rejected: list[Rejected]
    unknown_columns: frozenset[str]
    """Columns of `users` that the writer has and this version leaves out."""


class _ChangeError(ValueError):
    def __init__(self, code: ErrorCode, error: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.error = error


class _Schema(NamedTuple):
    name: str
    parsed: Any
    unknown_columns: frozenset[str]
    id: int | None = None
    """Its id in Confluent's API, `None` if the record names it by another."""


def read_changes(records: Sequence[Record], writer_schema: SchemaLookup) -> Changes:
    """Decode and judge records of the change stream: each is a row or rejected.

    Raises RegistryUnavailableError: then nothing is known about any record.
    """
    rows: list[dict[str, Any]] = []
    rejected: list[Rejected] = []
    unknown: set[str] = set()
    for record in records:
        try:
            rows.append(_row(record, writer_schema, unknown))
        except _ChangeError as error:
            rejected.append(Rejected(record, error.code, DECODE_STAGE, error.error, str(error)))
    table = pa.Table.from_pylist(rows, schema=arrow_schema(bronze_table(USERS_TOPIC)))
    return Changes(table, rejected, frozenset(unknown))


def _row(record: Record, lookup: SchemaLookup, unknown: set[str]) -> dict[str, Any]:
    appended = _EPOCH + timedelta(milliseconds=record.append_time)
    row: dict[str, Any] = {
        "user_id": _key(record, lookup),
        "kafka_partition": record.partition,
        "kafka_offset": record.offset,
        "append_time": appended,
        "append_date": appended.date(),
    }
    if record.value is None:
        if row["user_id"] is None:
            raise _ChangeError(ErrorCode.BAD_FRAME, "BadFrameError", "neither key nor value")
        return row | {"op": TOMBSTONE}
    schema, envelope = _decoded(record, Part.VALUE, lookup)
    if not {"op", "source", "before", "after"} <= envelope.keys():
        message = f"{USERS_TOPIC} carries changes, not {schema.name}"
        raise _ChangeError(ErrorCode.UNKNOWN_TYPE, "UnknownTypeError", message)
    unknown |= schema.unknown_columns
    row |= {"schema_id": schema.id} | _change(envelope)
    row |= {"new_key": _moved(record, _NEW_KEY), "old_key": _moved(record, _OLD_KEY)}
    _check(row)
    return row


def _change(envelope: Mapping[str, Any]) -> dict[str, Any]:
    try:
        source, transaction = envelope["source"], envelope.get("transaction") or {}
        return {
            "op": envelope["op"],
            "before": _user(envelope["before"]),
            "after": _user(envelope["after"]),
            "lsn": _typed(source, "lsn", int),
            "tx_id": _typed(source, "txId", int),
            "tx_order": _typed(transaction, "total_order", int),
            "committed_at": _commit_time(source),
            "snapshot": _typed(source, "snapshot", str),
        }
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        message = f"not as Debezium writes a change: {type(error).__name__}: {error}"
        raise _ChangeError(ErrorCode.DECODE_ERROR, "EnvelopeError", message) from error


def _typed(fields: Mapping[str, Any], name: str, kind: type) -> Any:
    value = fields.get(name)
    if value is not None and type(value) is not kind:
        raise TypeError(f"{name} is {type(value).__name__}")
    return value


def _commit_time(source: Mapping[str, Any]) -> datetime:
    micros = source.get("ts_us")
    return _EPOCH + timedelta(microseconds=source["ts_ms"] * 1000 if micros is None else micros)


def _user(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The known columns of a row of users."""
    if row is None:
        return None
    return {name: _value(name, kind, row.get(name)) for name, kind in _KNOWN.items()}


def _value(name: str, kind: str, value: Any) -> Any:
    if value is None:
        return None
    if type(value) is not _KINDS[kind]:
        raise _invalid(f"{name} is {type(value).__name__}, not {kind}")
    if kind != "TIMESTAMP":
        return value
    try:
        time = datetime.fromisoformat(str(value))
        if time.tzinfo is None:
            raise ValueError("no zone")
        return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _invalid(f"{name} is no time with a zone") from error


def _check(row: Mapping[str, Any]) -> None:
    """A change must be one of a row that its key names."""
    op, before, after = row["op"], row["before"], row["after"]
    if not isinstance(op, str) or op not in _OPS:
        raise _ChangeError(ErrorCode.UNKNOWN_TYPE, "UnknownTypeError", f"no change is called {op}")
    if op == TRUNCATE:
        return
    if row["user_id"] is None:
        raise _invalid(f"a change {op} without a key")
    if op != "d" and after is None:
        raise _invalid(f"a change {op} without the row as it is")
    changed = before if op == "d" else after
    if changed is not None and changed["user_id"] not in (None, row["user_id"]):
        raise _invalid("the key names another row than the change")


def _invalid(message: str) -> _ChangeError:
    return _ChangeError(ErrorCode.INVALID_EVENT, "ChangeError", message)


# Keys --------------------------------------------------------------------------------------------


def _key(record: Record, lookup: SchemaLookup) -> int | None:
    """The account that the record's key names, None where it has no key."""
    if record.key is None:
        return None
    schema, key = _decoded(record, Part.KEY, lookup)
    user_id = key.get("user_id")
    if type(user_id) is not int:
        message = f"the key is a {schema.name} without a user_id"
        raise _ChangeError(ErrorCode.UNKNOWN_TYPE, "UnknownTypeError", message)
    return user_id


def _moved(record: Record, name: str) -> int | None:
    """The other id of a row whose id changed, from a header that Connect writes as JSON."""
    for header, value in record.headers:
        if header == name:
            try:
                told = json.loads(value or b"")
                return int(told.get("payload", told)["user_id"])
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                message = f"the header {name} names no user_id"
                raise _ChangeError(ErrorCode.DECODE_ERROR, "HeaderError", message) from error
    return None


# Avro --------------------------------------------------------------------------------------------


def _decoded(record: Record, part: Part, lookup: SchemaLookup) -> tuple[_Schema, dict[str, Any]]:
    """The schema and the fields of a key or a value."""
    ref, avro = _frame(record, part)
    try:
        text = schema_text(ref, lookup)
    except UnknownSchemaError as error:
        message = f"{error} (of the {part})"
        raise _ChangeError(ErrorCode.UNKNOWN_SCHEMA, "UnknownSchemaError", message) from error
    schema = _schema(text)
    if isinstance(schema, str):
        message = f"schema {ref} (of the {part}): {schema}"
        raise _ChangeError(ErrorCode.UNKNOWN_SCHEMA, "UnknownSchemaError", message)
    body = io.BytesIO(avro)
    try:
        fields: Any = fastavro.schemaless_reader(body, schema.parsed, None)
    except Exception as error:  # whatever fastavro trips over, the bytes are to blame
        message = f"the {part}: {type(error).__name__}: {error}"
        raise _ChangeError(ErrorCode.DECODE_ERROR, "DecodeError", message) from error
    if body.read(1):
        message = f"the {part} goes on after its end"
        raise _ChangeError(ErrorCode.DECODE_ERROR, "DecodeError", message)
    if not isinstance(fields, dict):
        message = f"the {part} is no record but {schema.name}"
        raise _ChangeError(ErrorCode.UNKNOWN_TYPE, "UnknownTypeError", message)
    return schema._replace(id=ref if isinstance(ref, int) else None), fields


def _frame(record: Record, part: Part) -> tuple[SchemaRef, bytes]:
    """The schema that a key or a value names, and its Avro body."""
    frame = (record.key if part is Part.KEY else record.value) or b""
    try:
        named = schema_in_headers(record.headers, part)
    except FrameError as error:
        raise _ChangeError(ErrorCode.BAD_FRAME, "BadFrameError", str(error)) from error
    if named is not None:
        return named, frame
    if len(frame) < PREFIX or frame[0] != 0:
        fault = "is too short" if len(frame) < PREFIX else f"starts with byte {frame[0]:#04x}"
        message = f"the {part} {fault}: it is not in Confluent's wire format"
        raise _ChangeError(ErrorCode.BAD_FRAME, "BadFrameError", message)
    return int.from_bytes(frame[1:PREFIX], "big"), frame[PREFIX:]


@functools.lru_cache(maxsize=256)
def _schema(text: str) -> _Schema | str:
    """The schema, or why the text is none."""
    try:
        schema = json.loads(text)
        parsed = fastavro.parse_schema(schema)
    except (ValueError, LookupError, TypeError, fastavro.schema.SchemaParseException) as error:
        return f"not an Avro schema: {error}"
    name = schema.get("name", "record") if isinstance(schema, dict) else str(schema)
    return _Schema(name, parsed, frozenset(_columns(schema)) - _KNOWN.keys())


def _columns(schema: Any) -> list[str]:
    """The columns of the row that an envelope's schema describes."""
    fields = schema.get("fields", ()) if isinstance(schema, dict) else ()
    for field in fields:
        if field["name"] == "before" and isinstance(field["type"], list):
            rows = [branch for branch in field["type"] if isinstance(branch, dict)]
            return [column["name"] for row in rows for column in row.get("fields", ())]
    return []
