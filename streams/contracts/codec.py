"""Encoding of events to bytes, and decoding of batches of bytes to columns.

Events are written in Confluent's wire format: a zero byte, the schema's id in the registry (4
bytes, big-endian) and the Avro body. Other producers may name the schema in a header: see
`streams.contracts.frames`.
"""

import functools
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import fastavro
import pyarrow as pa
import pyarrow.compute as pc

from streams.contracts.batch import POSITION_FIELDS, Batch, ErrorCode, Rejected
from streams.contracts.catalog import schemas, topics
from streams.contracts.events import Event
from streams.contracts.frames import (
    LARGEST_ID,
    PREFIX,
    ForeignId,
    FrameError,
    SchemaRef,
    frame_fault,
    schemas_in_headers,
    unknown_schema,
)
from streams.contracts.records import Records
from streams.contracts.schema_resolution import (
    DecodeError,
    NotAvroError,
    Writer,
    arrow_schema,
    writer_of,
)
from streams.errors import UserError

SchemaLookup = Callable[[int], str | None]
"""Schema id -> the Avro schema as JSON text; `None` if the registry has no such schema.

Raises RegistryUnavailableError if the registry cannot answer now, UnknownSchemaError if it has no
usable schema under the id. A lookup that is a `ForeignLookup` also finds schemas by other ids.
"""

DECODE_STAGE: Final = "VALUE_CONVERTER"
_TO_THE_END: Final = 1 << 30
"""Bound beyond the end of any value: without one, Arrow computes with a bound that overflows."""


class RegistryUnavailableError(UserError):
    """Failure of the schema registry to answer now; wait and retry, and reject no record."""


class UnknownSchemaError(Exception):
    """Verdict that the registry has no usable schema under an id; the message says why."""


@runtime_checkable
class ForeignLookup(Protocol):
    """Schema lookup that also finds schemas by the ids of other serdes."""

    def foreign(self, schema: ForeignId, /) -> str | None:
        """Return the schema's text; result and errors are those of a `SchemaLookup`."""
        ...


class Rows(NamedTuple):
    """Columns of one record type, POSITION_FIELDS last, and the indices of their records."""

    columns: pa.RecordBatch
    at: Sequence[int]


class RowRefusal(NamedTuple):
    """Index of a record, and the record with the reason why it is rejected."""

    at: int
    rejected: Rejected


class _Piece(NamedTuple):
    """Decoded records of one schema, and their indices in the input."""

    at: Sequence[int]
    columns: pa.RecordBatch
    schema_id: int | None
    """Id in Confluent's API; `None` if the record names its schema by another kind of id."""


def encode(event: Event, schema_id: int) -> bytes:
    """Return the record value of an event, framed with the id of its schema in the registry.

    Raises:
        ValueError, TypeError, OverflowError: A field has a value that its schema cannot hold.
    """
    names, values, schema = _writer(type(event).__name__)
    out = io.BytesIO()
    out.write(b"\0" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(out, schema, dict(zip(names, values(event), strict=True)))
    return out.getvalue()


def decode(
    records: Records, topic: str, writer_schema: SchemaLookup
) -> tuple[Batch, list[Rejected]]:
    """Decode records of a topic without validating them.

    `streams.contracts.decoder.decode_and_validate` also validates them.

    Returns:
        The decoded events, and the records that cannot be decoded, in the order of `records`.

    Raises:
        RegistryUnavailableError: The registry cannot answer now; no record has been judged.
    """
    rows, refused = decode_rows(records, topic, writer_schema)
    return Batch(topic, {name: row.columns for name, row in rows.items()}), in_order(refused)


def in_order(refused: Sequence[RowRefusal]) -> list[Rejected]:
    """Return the rejected records in the order of the input."""
    return [rejected for _, rejected in sorted(refused, key=lambda refusal: refusal.at)]


def decode_rows(
    records: Records, topic: str, writer_schema: SchemaLookup
) -> tuple[dict[str, Rows], list[RowRefusal]]:
    """Decode records of a topic without validating them, and keep the indices of the records.

    Returns:
        Record type -> decoded rows with their indices in `records`, and the refusals, unordered,
        with theirs.

    Raises:
        RegistryUnavailableError: The registry cannot answer now; no record has been judged.
    """
    listed = topics()[topic].records
    refused: list[RowRefusal] = []
    pieces: dict[str, list[_Piece]] = {}

    def refuse(at: Iterable[int], code: ErrorCode, error: str, message: str) -> None:
        refused.extend(
            RowRefusal(i, Rejected(records.record(i), code, DECODE_STAGE, error, message))
            for i in at
        )

    def take(
        schema: SchemaRef, at: Sequence[int], bodies: Sequence[bytes], source: str = ""
    ) -> None:
        writer = _find_writer(schema, writer_schema)
        if isinstance(writer, str):
            refuse(at, ErrorCode.UNKNOWN_SCHEMA, "UnknownSchemaError", writer)
        elif writer.record_type is None or writer.record_type not in listed:
            message = f"{topic} does not carry {writer.full_name} (schema {schema})"
            refuse(at, ErrorCode.UNKNOWN_TYPE, "UnknownTypeError", message)
        else:
            for part, result in _sift(writer, at, bodies):
                if isinstance(result, DecodeError):
                    message = f"{result}{source}"
                    refuse(part, ErrorCode.DECODE_ERROR, "DecodeError", message)
                else:
                    schema_id = schema if isinstance(schema, int) else None
                    pieces.setdefault(writer.record_type, []).append(
                        _Piece(part, result, schema_id)
                    )

    named = schemas_in_headers(records.headers)
    values = records.values
    if named:
        values = [None if at in named else value for at, value in enumerate(values)]
    for header, at, bodies in _by_header(values):
        if header is not None and len(header) == PREFIX and header[0] == 0:
            take(int.from_bytes(header[1:], "big"), at, bodies.to_pylist())
        elif others := [index for index in at if index not in named]:
            fault = frame_fault(records.values[others[0]])
            refuse(others, ErrorCode.BAD_FRAME, "BadFrameError", fault)
    for schema, at in _by_schema(named).items():
        bare = [(index, body) for index in at if (body := records.values[index]) is not None]
        refuse(
            set(at).difference(index for index, _ in bare),
            ErrorCode.BAD_FRAME,
            "BadFrameError",
            frame_fault(None),
        )
        if isinstance(schema, str):
            refuse([index for index, _ in bare], ErrorCode.BAD_FRAME, "BadFrameError", schema)
        elif bare:
            indices, whole = zip(*bare, strict=True)
            take(schema, indices, whole, f" (a header names the schema {schema})")
    return {name: _assemble(name, parts, records) for name, parts in pieces.items()}, refused


def _by_schema(
    named: Mapping[int, SchemaRef | FrameError],
) -> Mapping[SchemaRef | str, Sequence[int]]:
    """Group record indices, ascending, by the schema that headers name or by the header's fault."""
    found: dict[SchemaRef | str, list[int]] = {}
    for index, schema in named.items():
        found.setdefault(str(schema) if isinstance(schema, FrameError) else schema, []).append(
            index
        )
    return found


def _by_header(
    values: Sequence[bytes | None],
) -> Iterator[tuple[bytes | None, Sequence[int], pa.Array]]:
    """Yield each distinct frame header, the indices of the values with it, and their bodies."""
    frames = pa.array(values, pa.large_binary())
    bodies = pc.binary_slice(frames, PREFIX, _TO_THE_END)
    first = (values[0] or b"")[:PREFIX] if values else b""
    if len(first) == PREFIX and not frames.null_count and _all_start(frames, first):
        yield first, range(len(values)), bodies
        return
    headers = pc.binary_slice(frames, 0, PREFIX).dictionary_encode(null_encoding="encode")
    kinds = headers.dictionary.to_pylist()
    order, begins = pc.sort_indices(headers.indices), 0  # stable: indices ascend within a header
    for count in pc.value_counts(headers.indices).field("counts").to_pylist():
        at = order.slice(begins, count)
        yield kinds[headers.indices[at[0].as_py()].as_py()], at.to_pylist(), bodies.take(at)
        begins += count


def _all_start(frames: pa.Array, header: bytes) -> bool:
    return bool(pc.all(pc.starts_with(frames, header)).as_py())


def schema_text(schema: SchemaRef, lookup: SchemaLookup) -> str:
    """Return the text of the schema that a record names.

    Raises:
        UnknownSchemaError: There is no usable schema.
        RegistryUnavailableError: The registry cannot answer now.
    """
    if isinstance(schema, ForeignId):
        if not isinstance(lookup, ForeignLookup):
            raise UnknownSchemaError(f"schemas are not looked up {schema}")
        text = lookup.foreign(schema)
    elif 0 <= schema <= LARGEST_ID:
        text = lookup(schema)
    else:
        raise UnknownSchemaError(
            f"no registry gives out the schema id {schema}: the value may be Avro without a frame"
        )
    if text is None:
        raise UnknownSchemaError(unknown_schema(schema))
    return text


def _find_writer(schema: SchemaRef, lookup: SchemaLookup) -> Writer | str:
    """Return the writer of a schema, or the reason why there is none."""
    try:
        return writer_of(schema_text(schema, lookup))
    except UnknownSchemaError as error:
        return str(error)
    except NotAvroError as error:
        return f"schema {schema}: {error}"


def _sift(
    writer: Writer, at: Sequence[int], bodies: Sequence[bytes]
) -> Iterable[tuple[Sequence[int], pa.RecordBatch | DecodeError]]:
    """Decode all bodies at once; if that fails, halve the batch until each bad record is alone."""
    try:
        yield at, writer.decode(bodies)
    except DecodeError as error:
        if len(at) == 1:
            yield at, error
            return
        half = len(at) // 2
        yield from _sift(writer, at[:half], bodies[:half])
        yield from _sift(writer, at[half:], bodies[half:])


def _assemble(record_type: str, parts: Sequence[_Piece], records: Records) -> Rows:
    """Join the parts to one batch in the order of the records, with their positions."""
    at, columns = parts[0].at, parts[0].columns
    schema_ids = pa.repeat(pa.scalar(parts[0].schema_id, pa.int32()), len(at))
    if len(parts) > 1:
        scattered = pa.array([index for part in parts for index in part.at], pa.int64())
        ids = [part.schema_id for part in parts for _ in part.at]
        order = pc.sort_indices(scattered)
        at = scattered.take(order).to_pylist()
        columns = pa.concat_batches([part.columns for part in parts]).take(order)
        schema_ids = pa.array(ids, pa.int32()).take(order)
    places = records.places
    if len(at) < len(records):
        places = tuple(column.take(pa.array(at, pa.int64())) for column in places)
    schema = pa.schema([*arrow_schema(record_type), *POSITION_FIELDS])
    columns = pa.RecordBatch.from_arrays([*columns.columns, *places, schema_ids], schema=schema)
    return Rows(columns, at)


@functools.cache
def _writer(record_type: str) -> tuple[tuple[str, ...], Callable[[Event], tuple[Any, ...]], Any]:
    schema = schemas()[record_type]
    names = tuple(field["name"] for field in schema["fields"])
    return names, attrgetter(*names), fastavro.parse_schema(dict(schema))
