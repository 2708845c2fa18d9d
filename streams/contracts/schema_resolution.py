"""Schema resolution: from the schema a record was written with to the columns we read.

There are two paths. If each field is identical or a simple promotion, pyruhvro decodes a whole
batch to Arrow, and its columns are cast. Records of any other compatible schema are decoded one by
one by fastavro, the reference. The schema alone decides the path, so the verdict on a record never
depends on its neighbours. Rules: Avro specification 1.12, "Schema Resolution".
"""

import functools
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import fastavro
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro

from streams.contracts.catalog import NAMESPACE, schemas
from streams.contracts.fields import Field, FieldKind, fields_of

_ARROW: Final[Mapping[FieldKind, pa.DataType]] = {
    FieldKind.ID: pa.int64(),
    FieldKind.TIME: pa.int64(),
    FieldKind.INTEGER: pa.int64(),
    FieldKind.NUMBER: pa.float64(),
    FieldKind.TEXT: pa.string(),
    FieldKind.TEXTS: pa.list_(pa.string()),
    FieldKind.ENUM: pa.string(),
}
_INTEGERS: Final = frozenset({"int", "long"})
_NUMBERS: Final = frozenset({"int", "long", "float", "double"})
_PRIMITIVES: Final = frozenset({"boolean", "long", "float", "double", "string"})
_TICKS: Final[Mapping[str, int]] = {
    "timestamp-millis": 1,
    "timestamp-micros": 1000,
    "timestamp-nanos": 1_000_000,
}
"""Logical type of an instant -> ticks per millisecond."""
_TEMPORAL: Final = frozenset(
    {
        *_TICKS,
        "local-timestamp-millis",
        "local-timestamp-micros",
        "local-timestamp-nanos",
        "date",
        "time-millis",
        "time-micros",
    }
)

Decode = Callable[[Sequence[bytes]], pa.RecordBatch]
"""Avro bodies of one schema -> the record type's columns. Raises DecodeError if one is bad."""


class DecodeError(ValueError):
    """Bytes that are not a record of the schema that they name."""


class NotAvroError(ValueError):
    """Text from the registry that is not an Avro schema."""


@dataclass(frozen=True, slots=True)
class Writer:
    """A schema that records were written with, and the function that reads them.

    `record_type` is `None` if this version does not know the record type; `columnar` is true if
    whole batches are decoded at once.
    """

    full_name: str
    record_type: str | None
    columnar: bool
    decode: Decode
    faults: tuple[str, ...] = ()
    """Reasons why no record of the schema is read; empty if its records are read."""
    schema: Any = None
    """The schema with our names for its fields, if the record type is known."""


def arrow_schema(record_type: str) -> pa.Schema:
    """Return the columns of a record type: its fields as `Batch` describes them."""
    return pa.schema(
        pa.field(field.name, _ARROW[field.kind], nullable=field.optional)
        for field in fields_of(record_type)
    )


@functools.lru_cache(maxsize=1024)
def writer_of(schema_text: str) -> Writer:
    """Return the reader of records that were written with a schema.

    Raises:
        NotAvroError: The text is not an Avro schema.
    """
    try:
        schema = json.loads(schema_text)
        fastavro.parse_schema(schema)
        wire = _wire(schema)
    except (ValueError, LookupError, TypeError, fastavro.schema.SchemaParseException) as error:
        raise NotAvroError(f"not an Avro schema: {error}") from error
    if not isinstance(wire, dict) or wire["type"] != "record":
        return Writer(str(schema), None, False, _refuse)
    full_name = _full_name(wire)
    namespace, _, record_type = full_name.rpartition(".")
    if namespace != NAMESPACE or record_type not in schemas():
        return Writer(full_name, None, False, _refuse)
    schema = renamed(record_type, schema)
    wire = _wire(schema)
    units = {field["name"]: _logical_type(field["type"]) for field in schema["fields"]}
    if faults := tuple(_unit_faults(record_type, units)):
        return Writer(full_name, record_type, False, _refusing("; ".join(faults)), faults, schema)
    named: dict[str, Any] = {}
    _name_types(wire, named)
    plan = _plan(record_type, wire, named)
    if plan is None or not all(_columnar(field["type"], named) for field in wire["fields"]):
        columnar, decode = False, _by_records(record_type, wire)
    else:
        columnar, decode = True, _by_columns(record_type, wire, plan)
    decode = _in_millis(record_type, units, decode)
    return Writer(full_name, record_type, columnar, decode, schema=schema)


def _refuse(_bodies: Sequence[bytes]) -> pa.RecordBatch:
    raise DecodeError("this version does not know the record type")


def _refusing(message: str) -> Decode:
    def decode(_bodies: Sequence[bytes]) -> pa.RecordBatch:
        raise DecodeError(message)

    return decode


# The writer's names and logical types ----------------------------------------------------------


def renamed(record_type: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a writer's schema with its fields under the names that this version knows.

    Avro resolves the reader's aliases only. A field that the writer renamed, with its old name as
    an alias, would be dropped silently if ours has a default. Encoded bytes hold no names, so a
    new name does not change how they are read.
    """
    ours = {field.name for field in fields_of(record_type)}
    missing = ours - {field["name"] for field in schema["fields"]}
    fields = []
    for field in schema["fields"]:
        known = [alias for alias in field.get("aliases", ()) if alias in missing]
        if known and field["name"] not in ours:
            missing.discard(known[0])
            field = {**field, "name": known[0]}
        fields.append(field)
    return {**schema, "fields": fields}


def _logical_type(written: Any) -> str | None:
    """Return the logical type of a field's type, or of its branch that is not null."""
    if isinstance(written, list):
        types = [_logical_type(branch) for branch in written if branch != "null"]
        return next((kind for kind in types if kind), None)
    if not isinstance(written, Mapping):
        return None
    kind = written.get("logicalType")
    return kind if isinstance(kind, str) else _logical_type(written.get("type"))


def _unit_faults(record_type: str, units: Mapping[str, str | None]) -> Iterator[str]:
    """Yield a message for each field whose logical type has another meaning than ours."""
    for field in fields_of(record_type):
        unit = units.get(field.name)
        allowed = _TICKS if field.kind is FieldKind.TIME else ()
        if unit in _TEMPORAL and unit not in allowed:
            expected = "timestamp-millis" if field.kind is FieldKind.TIME else "no unit of time"
            yield f"the writer's schema says that {field.name} is a {unit}; {expected} is expected"


def _in_millis(record_type: str, units: Mapping[str, str | None], decode: Decode) -> Decode:
    """Return `decode` with instants of a finer unit rounded down to milliseconds."""
    finer = {
        at: ticks
        for at, field in enumerate(fields_of(record_type))
        if (ticks := _TICKS.get(units.get(field.name) or "", 1)) > 1
    }
    if not finer:
        return decode

    def scaled(bodies: Sequence[bytes]) -> pa.RecordBatch:
        batch = decode(bodies)
        columns = [
            _floor_divided(column, finer[at]) if at in finer else column
            for at, column in enumerate(batch.columns)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    return scaled


def _floor_divided(column: pa.Array, ticks: int) -> pa.Array:
    whole = pc.divide(column, ticks)  # towards zero
    is_below = pc.less(pc.subtract(column, pc.multiply(whole, ticks)), 0)
    return pc.subtract(whole, is_below.cast(pa.int64()))


# Columns -----------------------------------------------------------------------------------------

_Column = tuple[Field, int | None]
"""A field we read and the index of the writer's field; `None` if its default is used."""


def _plan(
    record_type: str, wire: Mapping[str, Any], named: Mapping[str, Any]
) -> tuple[_Column, ...] | None:
    """Return the source of each column; `None` if columns alone cannot resolve the schema."""
    index = {field["name"]: number for number, field in enumerate(wire["fields"])}
    raw_fields = schemas()[record_type]["fields"]
    plan: list[_Column] = []
    for field, raw in zip(fields_of(record_type), raw_fields, strict=True):
        names = (field.name, *raw.get("aliases", ()))
        at = next((index[name] for name in names if name in index), None)
        if at is None:
            if field.required:
                return None
        elif not _promotes(wire["fields"][at]["type"], field, named):
            return None
        plan.append((field, at))
    return tuple(plan)


def _promotes(written: Any, field: Field, named: Mapping[str, Any]) -> bool:
    if isinstance(written, list):
        branches = [branch for branch in written if branch != "null"]
        return len(branches) == 1 and len(written) == 2 and _promotes(branches[0], field, named)
    if isinstance(written, str):
        written = named.get(written, written)
    match field.kind, written:
        case ((FieldKind.ID | FieldKind.TIME | FieldKind.INTEGER), str()):
            return written in _INTEGERS
        case FieldKind.NUMBER, str():
            return written in _NUMBERS
        case FieldKind.TEXT, "string":
            return True
        case FieldKind.TEXTS, {"type": "array", "items": "string"}:
            return True
        case FieldKind.ENUM, {"type": "enum"}:
            return True
    return False


def _by_columns(record_type: str, wire: Any, plan: tuple[_Column, ...]) -> Decode:
    text = json.dumps(wire)
    target = arrow_schema(record_type)

    def decode(bodies: Sequence[bytes]) -> pa.RecordBatch:
        try:
            written = pyruhvro.deserialize_array(list(bodies), text)
            written.validate(full=True)
        except ValueError as error:
            raise DecodeError(str(error)) from error
        columns = [_column(written, field, at) for field, at in plan]
        return pa.RecordBatch.from_arrays(columns, schema=target)

    return decode


def _column(written: pa.RecordBatch, field: Field, at: int | None) -> pa.Array:
    kind = _ARROW[field.kind]
    if at is None:
        return pa.array([field.default] * len(written), kind)
    column = written.column(at)
    if column.type != kind:
        column = column.cast(kind, safe=False)
    if not field.optional and column.null_count:
        raise DecodeError(f"{field.name} is null")
    if field.kind is FieldKind.ENUM:
        known = pc.is_in(column, value_set=pa.array([*field.symbols, None], pa.string()))
        if not pc.all(known).as_py():
            column = pc.if_else(known, column, field.unknown)
    return column


def _columnar(kind: Any, named: Mapping[str, Any]) -> bool:
    """Return whether pyruhvro reads this type; on others it may panic, even in a skipped field."""
    match kind:
        case str():
            return kind in _PRIMITIVES or (kind in named and _columnar(named[kind], named))
        case ["null", inner] | [inner, "null"]:
            return _columnar(inner, named)
        case {"type": "enum"}:
            return True
        case {"type": "array", "items": "string" | "long"}:
            return True
    return False


# Records -----------------------------------------------------------------------------------------


def _by_records(record_type: str, wire: Any) -> Decode:
    writer = fastavro.parse_schema(wire)
    reader = fastavro.parse_schema(_without_logical_types(schemas()[record_type]))
    target = arrow_schema(record_type)

    def decode(bodies: Sequence[bytes]) -> pa.RecordBatch:
        rows = [_read_one(body, writer, reader) for body in bodies]
        return pa.RecordBatch.from_pylist(rows, schema=target)

    return decode


def _read_one(body: bytes, writer: Any, reader: Any) -> Any:
    try:
        return fastavro.schemaless_reader(io.BytesIO(body), writer, reader)
    except Exception as error:  # whatever fastavro trips over, the bytes are to blame
        raise DecodeError(f"{type(error).__name__}: {error}") from error


# Schemas -----------------------------------------------------------------------------------------


def _full_name(schema: Mapping[str, Any]) -> str:
    name: str = schema["name"]
    namespace = schema.get("namespace")
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _wire(schema: Any) -> Any:
    """Return the part of a schema that decides the bytes.

    Times are plain longs, and an int is read as the long it is encoded as, so that no value is
    out of range.
    """
    if isinstance(schema, list):
        return [_wire(branch) for branch in schema]
    if not isinstance(schema, dict):
        return "long" if schema == "int" else schema
    names = {key: schema[key] for key in ("name", "namespace") if key in schema}
    match schema["type"]:
        case "record":
            fields = [{"name": f["name"], "type": _wire(f["type"])} for f in schema["fields"]]
            return {"type": "record", **names, "fields": fields}
        case "enum":
            return {"type": "enum", **names, "symbols": schema["symbols"]}
        case "fixed":
            return {"type": "fixed", **names, "size": schema["size"]}
        case "array":
            return {"type": "array", "items": _wire(schema["items"])}
        case "map":
            return {"type": "map", "values": _wire(schema["values"])}
        case inner:
            return _wire(inner)


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {
            key: _without_logical_types(value)
            for key, value in schema.items()
            if key != "logicalType"
        }
    if isinstance(schema, list):
        return [_without_logical_types(value) for value in schema]
    return schema


def _name_types(schema: Any, named: dict[str, Any]) -> None:
    """Collect named types under their short and full names."""
    if isinstance(schema, list):
        for branch in schema:
            _name_types(branch, named)
    elif isinstance(schema, dict):
        if "name" in schema:
            named[schema["name"]] = named[_full_name(schema)] = schema
        for field in schema.get("fields", ()):
            _name_types(field["type"], named)
        for key in ("items", "values"):
            _name_types(schema.get(key), named)
