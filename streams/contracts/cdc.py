"""Decoding of the accounts database's change events: Debezium's envelopes to bronze rows.

Key and value are Avro, each with its own schema, which Connect registers and which the frame or a
header names (`streams.contracts.frames`). The columns that are read are fixed: a column that this
version does not know is left out, and a column that the writer does not have is null. If a change
leaves a text unchanged, PostgreSQL may not send it; Debezium then sends a placeholder
(`tables.UNAVAILABLE`), which is kept.

The stream carries *state*: a change that is lost leaves an account wrong permanently, and falsifies
what a snapshot or a marker says about other accounts. So a change is refused only if it cannot be
read, ordered, or assigned to one account. A column whose value no table can hold becomes null,
which `degraded` records. A refused change keeps its readable part (`Rejected.change`).
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
from streams.contracts.batch import ErrorCode, Rejected
from streams.contracts.bronze import USERS_TOPIC, bronze_table
from streams.contracts.codec import DECODE_STAGE, SchemaLookup, UnknownSchemaError, schema_text
from streams.contracts.frames import PREFIX, FrameError, RecordPart, SchemaRef, schema_in_headers
from streams.contracts.tables import USER
from streams.record import Record

TOMBSTONE: Final = "tombstone"
TRUNCATE: Final = "t"
_OPS: Final = frozenset({"r", "c", "u", "d", TRUNCATE})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST: Final = (1 << 63) - 1
_NEW_KEY: Final = "__debezium.newkey"
_OLD_KEY: Final = "__debezium.oldkey"
_KINDS: Final = {"BIGINT": int, "STRING": str, "BOOLEAN": bool, "TIMESTAMP": str}
_KNOWN: Final = {column.name: column.type for column in USER}
_LOGICAL: Final = frozenset({"logicalType", "precision", "scale"})
"""Attributes of an Avro type that change how a value is shown, never how it is encoded."""


class Changes(NamedTuple):
    """Rows of the bronze table and rejected records, each in the order of the input records."""

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
    """Id in Confluent's API; `None` if the record names the schema by another kind of id."""


class _Notes(list[str]):
    """Notes of what a change loses; they quote no content."""

    def text(self) -> str | None:
        """Return the notes as one text, or `None` if there are none."""
        return "; ".join(self) or None


def read_changes(records: Sequence[Record], writer_schema: SchemaLookup) -> Changes:
    """Decode and validate records of the change stream; each becomes a row or is rejected.

    Raises:
        RegistryUnavailableError: The registry cannot answer now; no record has been judged.
    """
    rows: list[dict[str, Any]] = []
    rejected: list[Rejected] = []
    unknown: set[str] = set()
    for record in records:
        known: dict[str, Any] = {}
        try:
            rows.append(_row(record, writer_schema, unknown, known))
        except _ChangeError as error:
            rejected.append(
                Rejected(record, error.code, DECODE_STAGE, error.error, str(error), known)
            )
    table = pa.Table.from_pylist(rows, schema=arrow_schema(bronze_table(USERS_TOPIC)))
    return Changes(table, rejected, frozenset(unknown))


def _row(
    record: Record, lookup: SchemaLookup, unknown: set[str], known: dict[str, Any]
) -> dict[str, Any]:
    """Return the bronze row of a record; fill `known` with what can be read if it is refused."""
    appended = _EPOCH + timedelta(milliseconds=record.append_time)
    notes = _Notes()
    key, key_error = _key(record, lookup)
    known["user_id"] = key
    row: dict[str, Any] = {
        "user_id": key,
        "kafka_partition": record.partition,
        "kafka_offset": record.offset,
        "append_time": appended,
        "append_date": appended.date(),
    }
    if record.value is None:
        if key_error is not None:
            raise key_error
        if key is None:
            raise _ChangeError(ErrorCode.BAD_FRAME, "BadFrameError", "neither key nor value")
        return row | {"op": TOMBSTONE}
    schema, envelope = _decoded(record, RecordPart.VALUE, lookup)
    if not {"op", "source", "before", "after"} <= envelope.keys():
        message = f"{USERS_TOPIC} carries changes, not {schema.name}"
        raise _ChangeError(ErrorCode.UNKNOWN_TYPE, "UnknownTypeError", message)
    unknown |= schema.unknown_columns
    row |= {"schema_id": schema.id} | _change(envelope, appended, notes)
    known |= {name: row[name] for name in ("op", "lsn", "snapshot", "committed_at")}
    row |= {
        "new_key": _moved(record, _NEW_KEY, notes),
        "old_key": _moved(record, _OLD_KEY, notes),
    }
    known["user_id"] = None
    row["user_id"] = known["user_id"] = _account(row, key_error)
    _check(row)
    return row | {"degraded": notes.text()}


def _change(envelope: Mapping[str, Any], appended: datetime, notes: _Notes) -> dict[str, Any]:
    source = envelope["source"]
    if not isinstance(source, Mapping):
        source = {}
    transaction = envelope.get("transaction")
    if not isinstance(transaction, Mapping):
        transaction = {}
    op = envelope["op"]
    return {
        "op": op if isinstance(op, str) else None,
        "before": _user(envelope["before"], _Notes()),
        "after": _user(envelope["after"], notes),
        "lsn": _typed(source, "lsn", int),
        "tx_id": _typed(source, "txId", int),
        "tx_order": _typed(transaction, "total_order", int),
        "committed_at": _commit_time(source, appended, notes),
        "snapshot": _typed(source, "snapshot", str),
    }


def _typed(fields: Mapping[str, Any], name: str, kind: type) -> Any:
    """Return the field if its type is exactly `kind`, `None` otherwise."""
    value = fields.get(name)
    return value if type(value) is kind else None


def _commit_time(source: Mapping[str, Any], appended: datetime, notes: _Notes) -> datetime:
    """Return the commit time of the change; the append time if Debezium's is not a valid time."""
    micros, millis = _typed(source, "ts_us", int), _typed(source, "ts_ms", int)
    try:
        return _EPOCH + timedelta(microseconds=millis * 1000 if micros is None else micros)
    except (TypeError, OverflowError):
        notes.append("committed_at is no time of the years 1 to 9999: the broker's time stands in")
        return appended


def _user(row: Any, notes: _Notes) -> dict[str, Any] | None:
    """Return the known columns of a row of users; `None` if there is no row."""
    if not isinstance(row, Mapping):
        return None
    return {name: _value(name, kind, row.get(name), notes) for name, kind in _KNOWN.items()}


def _value(name: str, kind: str, value: Any, notes: _Notes) -> Any:
    """Return the value as a table can hold it; add a note and return `None` if it cannot."""
    if value is None:
        return None
    if type(value) is not _KINDS[kind]:
        notes.append(f"{name} is {type(value).__name__}, not {kind}")
        return None
    if kind != "TIMESTAMP":
        return value
    try:
        time = datetime.fromisoformat(str(value))
        if time.tzinfo is None:
            raise ValueError("no zone")
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        notes.append(f"{name} is no time of the years 1 to 9999 with a zone")
        return None


def _account(row: Mapping[str, Any], key_error: _ChangeError | None) -> int | None:
    """Return the id of the changed account, from the key or, if the key names none, from the row.

    A truncation changes no single account: the result is `None`. A deletion has its row in
    `before`; the `before` of any other change is not judged.

    Raises:
        _ChangeError: Neither key nor row names an account, or they differ: a corrupt change must
            not close or change another account.
    """
    key, op = row["user_id"], row["op"]
    if op == TRUNCATE:
        return None
    changed = row["before"] if op == "d" else row["after"]
    own = changed and changed["user_id"]
    if op == "d":
        own = own or None  # Debezium writes 0 for an id that PostgreSQL did not send
    if key is None:
        if own is None:
            raise key_error or _invalid(f"a change {op} without a key")
        key = own
    elif own not in (None, key):
        raise _invalid("the key names another row than the change")
    found: int = key
    return found


def _check(row: Mapping[str, Any]) -> None:
    """Raise `_ChangeError` if a change cannot be interpreted or ordered."""
    op = row["op"]
    if op not in _OPS:
        raise _ChangeError(ErrorCode.UNKNOWN_TYPE, "UnknownTypeError", f"no change is called {op}")
    if row["lsn"] is None:
        message = f"a change {op} without a position in PostgreSQL's log"
        raise _ChangeError(ErrorCode.DECODE_ERROR, "EnvelopeError", message)
    if op not in ("d", TRUNCATE) and row["after"] is None:
        raise _invalid(f"a change {op} without the row as it is")


def _invalid(message: str) -> _ChangeError:
    return _ChangeError(ErrorCode.INVALID_EVENT, "ChangeError", message)


# Keys --------------------------------------------------------------------------------------------


def _key(record: Record, lookup: SchemaLookup) -> tuple[int | None, _ChangeError | None]:
    """Return the account id in the record's key, or the error; both `None` if there is no key."""
    if record.key is None:
        return None, None
    try:
        schema, key = _decoded(record, RecordPart.KEY, lookup)
    except _ChangeError as error:
        return None, error
    user_id = key.get("user_id")
    if type(user_id) is not int:
        message = f"the key is a {schema.name} without a user_id"
        return None, _ChangeError(ErrorCode.UNKNOWN_TYPE, "UnknownTypeError", message)
    return user_id, None


def _moved(record: Record, name: str, notes: _Notes) -> int | None:
    """Return the other id of a row whose id changed, from the JSON header that Connect writes."""
    for header, value in record.headers:
        if header == name:
            try:
                content = json.loads(value or b"")
                user_id = content.get("payload", content)["user_id"]
                if type(user_id) is int and -_MOST <= user_id <= _MOST:
                    return user_id
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                pass  # noted below, like a header without an id
            notes.append(f"the header {name} names no user_id")
            return None
    return None


# Avro --------------------------------------------------------------------------------------------


def _decoded(
    record: Record, part: RecordPart, lookup: SchemaLookup
) -> tuple[_Schema, dict[str, Any]]:
    """Return the schema and the fields of a key or a value."""
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


def _frame(record: Record, part: RecordPart) -> tuple[SchemaRef, bytes]:
    """Return the schema that a key or a value names, and its Avro body."""
    frame = (record.key if part is RecordPart.KEY else record.value) or b""
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
    """Return the parsed schema, or the reason why the text is not an Avro schema."""
    try:
        schema = json.loads(text)
        parsed = fastavro.parse_schema(_plain(schema))
    except (ValueError, LookupError, TypeError, fastavro.schema.SchemaParseException) as error:
        return f"not an Avro schema: {error}"
    name = schema.get("name", "record") if isinstance(schema, dict) else str(schema)
    return _Schema(name, parsed, frozenset(_columns(schema)) - _KNOWN.keys())


def _plain(schema: Any) -> Any:
    """Return an Avro schema without logical types, which need not be valid to read the bytes.

    Debezium declares numeric(5,-2) as a decimal of scale 2046, which Avro readers refuse.
    """
    if isinstance(schema, list):
        return [_plain(branch) for branch in schema]
    if isinstance(schema, dict):
        return {
            name: value if name == "default" else _plain(value)
            for name, value in schema.items()
            if name not in _LOGICAL
        }
    return schema


def _columns(schema: Any) -> list[str]:
    """Return the names of the columns of the row that an envelope's schema describes."""
    fields = schema.get("fields", ()) if isinstance(schema, dict) else ()
    for field in fields:
        if field["name"] == "before" and isinstance(field["type"], list):
            rows = [branch for branch in field["type"] if isinstance(branch, dict)]
            return [column["name"] for row in rows for column in row.get("fields", ())]
    return []
