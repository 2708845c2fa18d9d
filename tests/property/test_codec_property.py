"""Columns against fastavro, the reference: random, damaged and evolved records."""

import io
import json
from collections.abc import Mapping
from typing import Any

import fastavro
import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from streams.contracts.batch import ErrorCode
from streams.contracts.catalog import schemas, topic_of, topics
from streams.contracts.codec import decode, encode
from streams.contracts.events import EVENT_TYPES, Event
from streams.contracts.records import Records
from streams.contracts.rows import events as events_of
from streams.contracts.schema_resolution import DecodeError, writer_of
from streams.record import Record
from tests.strategies.events import NOW, damaged, events, record

RECORD_TYPES = tuple(EVENT_TYPES)
IDS = {name: number for number, name in enumerate(RECORD_TYPES, start=1)}
TEXTS = {number: json.dumps(schemas()[name]) for name, number in IDS.items()}


def plain(schema: Any) -> Any:
    """The schema without logical types: times stay integers, however absurd."""
    if isinstance(schema, Mapping):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return [plain(value) for value in schema] if isinstance(schema, list) else schema


PARSED = {name: fastavro.parse_schema(plain(schema)) for name, schema in schemas().items()}


def written(name: str, row: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, PARSED[name], row)
    return out.getvalue()


def reference(name: str, value: bytes) -> bytes | None:
    """What fastavro reads, written again; None where it refuses.

    fastavro takes some bytes that no writer makes: negative enum and union indexes, integers of
    over ten bytes. Columns refuse them, so what does not come back as it was is told apart.
    """
    stream = io.BytesIO(value[5:])
    try:
        row = fastavro.schemaless_reader(stream, PARSED[name], None)
    except Exception:  # noqa: BLE001 - whatever it raises, it refuses
        return None
    return written(name, row)


@st.composite
def topic_records(draw: DrawFn) -> tuple[str, list[Record], list[str]]:
    """Records of a topic, some damaged, and their record types."""
    topic = draw(st.sampled_from(sorted(topics())))
    drawn = draw(st.lists(events(topics()[topic].records), max_size=12))
    records = []
    for offset, event in enumerate(drawn):
        whole = record(event, IDS[type(event).__name__], offset)
        value = draw(damaged(whole.value or b"")) if not draw(st.integers(0, 2)) else whole.value
        records.append(whole._replace(value=value))
    return topic, records, [type(event).__name__ for event in drawn]


@given(topic_records())
def test_columns_decode_as_the_reference_does(drawn: tuple[str, list[Record], list[str]]) -> None:
    topic, records, names = drawn
    batch, rejected = decode(Records.of(records), topic, TEXTS.get)
    found = {position.offset: event for position, event in events_of(batch)}
    refused = {reason.record.offset: reason for reason in rejected}
    assert found.keys() | refused.keys() == set(range(len(records)))
    assert not found.keys() & refused.keys()
    for number, (name, one) in enumerate(zip(names, records, strict=True)):
        value = one.value or b""
        expected = reference(name, value)
        note(f"{name} {value.hex()} {refused.get(number)}")
        if number in found:
            assert expected == encode(found[number], 1)[5:]
        else:
            assert refused[number].code is ErrorCode.DECODE_ERROR
            assert expected is None or not value[5:].startswith(expected)


@given(topic_records())
def test_a_verdict_does_not_depend_on_neighbours(
    drawn: tuple[str, list[Record], list[str]],
) -> None:
    topic, records, _ = drawn
    together = {reason.record.offset for reason in decode(Records.of(records), topic, TEXTS.get)[1]}
    alone = {one.offset for one in records if decode(Records.of([one]), topic, TEXTS.get)[1]}
    assert together == alone


@given(events())
def test_what_is_encoded_comes_back(event: Event) -> None:
    name = type(event).__name__
    batch, rejected = decode(
        Records.of([record(event, 7, 3)]), topic_of(name).name, {7: TEXTS[IDS[name]]}.get
    )
    assert not rejected
    assert [found for _, found in events_of(batch)] == [event]


@st.composite
def later_or_earlier(draw: DrawFn, name: str) -> dict[str, Any]:
    """A schema of another version that ours can read."""
    schema: dict[str, Any] = json.loads(json.dumps(schemas()[name]))
    fields: list[dict[str, Any]] = []
    for field in schema["fields"]:
        if "default" in field and draw(st.booleans()):
            continue
        fields.append({"name": field["name"], "type": draw(_variant(field["type"]))})
    if name != "AuthorTierChanged":  # there the second enum field names the first one's type
        fields = draw(st.permutations(fields))
    at = draw(st.integers(0, len(fields)))
    extra = draw(st.sampled_from(_EXTRAS))
    fields[at:at] = [{"name": f"extra_{n}", "type": one} for n, one in enumerate(extra)]
    return schema | {"fields": fields}


_EXTRAS: tuple[tuple[Any, ...], ...] = (
    (),
    ("string",),
    ("boolean", {"type": "map", "values": "bytes"}),
    (["null", {"type": "array", "items": "int"}],),
    ({"type": "fixed", "name": "Digest", "size": 4}, "float"),
)


def _variant(kind: Any) -> st.SearchStrategy[Any]:
    match kind:
        case "long":
            return st.sampled_from(("long", "int", ["null", "long"]))
        case "double":
            return st.sampled_from(("double", "float", "long", "int"))
        case ["null", inner]:
            return st.sampled_from(
                (kind, [inner, "null"], inner, ["null", "int"], ["null", "int", "long"])
            )
        case {"type": "enum"}:
            symbols = kind["symbols"]
            later = [*symbols[:1], "LATER", *symbols[1:]]
            return st.sampled_from(
                (kind, kind | {"symbols": later}, kind | {"symbols": symbols[::-1]})
            )
    return st.just(kind)


@given(st.data())
def test_other_versions_are_read_as_the_reference_reads_them(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(RECORD_TYPES))
    schema = data.draw(later_or_earlier(name))
    parsed = fastavro.parse_schema(plain(schema))
    decode_all = writer_of(json.dumps(schema)).decode
    for row in data.draw(st.lists(rows(schema), min_size=1, max_size=5)):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, row)
        body = out.getvalue()
        try:
            expected = fastavro.schemaless_reader(io.BytesIO(body), parsed, PARSED[name])
        except fastavro.read.SchemaResolutionError:  # null where we have no null
            with pytest.raises(DecodeError):
                decode_all([body])
        else:
            assert decode_all([body, body]).to_pylist() == [expected] * 2


def rows(schema: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Any rows of a record schema."""
    named: dict[str, Any] = {}
    return st.fixed_dictionaries({f["name"]: _any(f["type"], named) for f in schema["fields"]})


_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(1 << 31), (1 << 31) - 1),
    "long": st.integers(-(1 << 52), 1 << 52),  # what a double holds exactly
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=4),
    "bytes": st.binary(max_size=4),
}


def _any(kind: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    if isinstance(kind, list):
        return st.one_of([_any(branch, named) for branch in kind])
    if isinstance(kind, str):
        return _PLAIN[kind] if kind in _PLAIN else _any(named[kind], named)
    if "name" in kind:
        named[kind["name"]] = kind
    match kind["type"]:
        case "enum":
            return st.sampled_from(kind["symbols"])
        case "array":
            return st.lists(_any(kind["items"], named), max_size=3)
        case "map":
            return st.dictionaries(st.text(max_size=3), _any(kind["values"], named), max_size=3)
        case "fixed":
            return st.binary(min_size=kind["size"], max_size=kind["size"])
    return _any(kind["type"], named)


def test_times_stay_integers_however_absurd() -> None:
    event = EVENT_TYPES["UserMuted"](event_id=1, occurred_at=-(1 << 63), user_id=1, target_id=2)  # type: ignore[call-arg]
    one = record(event, IDS["UserMuted"], 0)
    batch, _ = decode(Records.of([one]), "social.blocks.v1", TEXTS.get)
    assert batch.columns["UserMuted"].column("occurred_at").to_pylist() == [-(1 << 63)]
    assert one.append_time == NOW
