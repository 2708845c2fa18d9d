"""Events to bytes and batches of bytes to columns, in Confluent's wire format.

A value is a zero byte, the schema's id in the registry (4 bytes, big-endian) and the Avro body.
"""

import functools
import io
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import fastavro
import pyarrow as pa

from streams.contracts.batch import POSITION_FIELDS, Batch, ErrorCode, Record, Rejected
from streams.contracts.catalog import schemas, topics
from streams.contracts.events import Event
from streams.contracts.resolve import DecodeError, NotAvroError, Writer, arrow_schema, writer_of
from streams.errors import UserError

SchemaLookup = Callable[[int], str | None]
"""Schema id -> the Avro schema as JSON text, None if the registry has no such schema.

Raises RegistryUnavailableError where the registry does not answer.
"""

DECODE_STAGE: Final = "VALUE_CONVERTER"
_HEADER: Final = 5


class RegistryUnavailableError(UserError):
    """The schema registry cannot answer now; wait and try again. Nothing may be rejected."""


class Rows(NamedTuple):
    """Columns of one record type, POSITION_FIELDS last, and which records they came from."""

    columns: pa.RecordBatch
    records: Sequence[Record]


def encode(event: Event, schema_id: int) -> bytes:
    """The record value of an event under the id of its schema in the registry.

    Raises ValueError, TypeError or OverflowError for a field that its schema cannot hold.
    """
    names, values, schema = _writer(type(event).__name__)
    out = io.BytesIO()
    out.write(b"\0" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(out, schema, dict(zip(names, values(event), strict=True)))
    return out.getvalue()


def decode(
    records: Sequence[Record], topic: str, writer_schema: SchemaLookup
) -> tuple[Batch, list[Rejected]]:
    """Decode records of a topic; what cannot be decoded is rejected, in the order of `records`.

    Nothing is validated: see `streams.contracts.reading.read`. Raises RegistryUnavailableError.
    """
    rows, rejected = decode_rows(records, topic, writer_schema)
    return Batch(topic, {name: row.columns for name, row in rows.items()}), rejected


def decode_rows(
    records: Sequence[Record], topic: str, writer_schema: SchemaLookup
) -> tuple[dict[str, Rows], list[Rejected]]:
    """As `decode`, with the records that each row came from."""
    listed = topics()[topic].records
    rejected: list[tuple[int, Rejected]] = []
    pieces: dict[str, list[tuple[list[int], pa.RecordBatch]]] = {}

    def refuse(at: Iterable[int], code: ErrorCode, error: str, message: str) -> None:
        rejected.extend((i, Rejected(records[i], code, DECODE_STAGE, error, message)) for i in at)

    for header, at in _by_header(records).items():
        if len(header) < _HEADER or header[0] != 0:
            refuse(at, ErrorCode.BAD_FRAME, "BadFrameError", _frame_fault(records[at[0]].value))
            continue
        schema_id = int.from_bytes(header[1:], "big")
        writer = _find_writer(schema_id, writer_schema)
        if isinstance(writer, str):
            refuse(at, ErrorCode.UNKNOWN_SCHEMA, "UnknownSchemaError", writer)
        elif writer.record_type is None or writer.record_type not in listed:
            message = f"{topic} does not carry {writer.full_name} (schema {schema_id})"
            refuse(at, ErrorCode.UNKNOWN_TYPE, "UnknownTypeError", message)
        else:
            bodies = [(records[i].value or b"")[_HEADER:] for i in at]
            for part, result in _sift(writer, at, bodies):
                if isinstance(result, DecodeError):
                    refuse(part, ErrorCode.DECODE_ERROR, "DecodeError", str(result))
                else:
                    pieces.setdefault(writer.record_type, []).append((part, result))
    rows = {name: _assemble(name, parts, records) for name, parts in pieces.items()}
    return rows, [reason for _, reason in sorted(rejected, key=lambda pair: pair[0])]


def _by_header(records: Sequence[Record]) -> dict[bytes, list[int]]:
    groups: dict[bytes, list[int]] = {}
    for index, record in enumerate(records):
        groups.setdefault((record.value or b"")[:_HEADER], []).append(index)
    return groups


def _frame_fault(value: bytes | None) -> str:
    if value is None:
        return "the value is null"
    if len(value) < _HEADER:
        return f"the value has {len(value)} bytes, fewer than the {_HEADER} of a frame"
    return f"the value starts with byte {value[0]:#04x}, not with the magic byte 0x00"


def _find_writer(schema_id: int, writer_schema: SchemaLookup) -> Writer | str:
    """The writer, or why there is none."""
    text = writer_schema(schema_id)
    if text is None:
        return f"the registry has no schema {schema_id}"
    try:
        return writer_of(text)
    except NotAvroError as error:
        return f"schema {schema_id}: {error}"


def _sift(
    writer: Writer, at: list[int], bodies: Sequence[bytes]
) -> Iterable[tuple[list[int], pa.RecordBatch | DecodeError]]:
    """Decode all at once; where that fails, halve until the bad records stand alone."""
    try:
        yield at, writer.decode(bodies)
    except DecodeError as error:
        if len(at) == 1:
            yield at, error
            return
        half = len(at) // 2
        yield from _sift(writer, at[:half], bodies[:half])
        yield from _sift(writer, at[half:], bodies[half:])


def _assemble(
    record_type: str, parts: list[tuple[list[int], pa.RecordBatch]], records: Sequence[Record]
) -> Rows:
    """The parts as one batch in the order of the records, with their positions."""
    at = [index for part, _ in parts for index in part]
    columns = parts[0][1]
    if len(parts) > 1:
        columns = pa.concat_batches([part for _, part in parts])
        order = sorted(range(len(at)), key=at.__getitem__)
        columns = columns.take(pa.array(order, pa.int64()))
        at.sort()
    own = records if len(at) == len(records) else [records[index] for index in at]
    positions = (
        pa.array([record.partition for record in own], pa.int32()),
        pa.array([record.offset for record in own], pa.int64()),
        pa.array([record.append_time for record in own], pa.int64()),
    )
    schema = pa.schema([*arrow_schema(record_type), *POSITION_FIELDS])
    return Rows(pa.RecordBatch.from_arrays([*columns.columns, *positions], schema=schema), own)


@functools.cache
def _writer(record_type: str) -> tuple[tuple[str, ...], Callable[[Event], tuple[Any, ...]], Any]:
    schema = schemas()[record_type]
    names = tuple(field["name"] for field in schema["fields"])
    return names, attrgetter(*names), fastavro.parse_schema(dict(schema))
