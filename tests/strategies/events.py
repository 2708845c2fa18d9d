"""Any event that its schema can hold, valid or not, and the bytes and damage of records."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from streams.contracts.catalog import topic_of
from streams.contracts.codec import encode
from streams.contracts.events import EVENT_TYPES, Event
from streams.contracts.fields import CREATES, Field, FieldKind, fields_of
from streams.contracts.ids import id_time, make_id
from streams.contracts.rows import ENUMS
from streams.contracts.times import FIRST_MS, LAST_MS
from streams.record import Record

NOW = 1_700_000_000_000
"""Append time of the records drawn, near which most drawn instants lie."""

_DAY = 86_400_000
_YEAR_EDGES = (FIRST_MS - 1, FIRST_MS, LAST_MS, LAST_MS + 1)
_LONGS = st.integers(-(1 << 63), (1 << 63) - 1)
_TIMES = st.one_of(
    st.integers(NOW - 3 * _DAY, NOW),
    st.sampled_from((NOW + 300_000, NOW + 300_001, -(1 << 63), (1 << 63) - 1, 0, *_YEAR_EDGES)),
)
_GOOD_IDS = st.integers(1, 5) | st.integers(NOW - 3 * _DAY, NOW).map(make_id)
_ANY_IDS = st.sampled_from((0, -1, (1 << 63) - 1, -(1 << 63)))
_IDS = st.integers(0, 19).flatmap(lambda rare: _GOOD_IDS if rare else _ANY_IDS)
_RULED = ("PostCreated", "PostEdited", "StoryCreated", "ContentViewed", "CommentCreated")
"""Types with rules of their own, drawn more often."""
_SHORT = st.text(max_size=5)
_LONG_TEXTS = st.sampled_from(("a" * 10_000, "é" * 10_001, "🜁" * 10_000))
_TAGS = st.one_of(_SHORT, st.sampled_from(("t" * 100, "ß" * 101)))
_VALUES: dict[FieldKind, SearchStrategy[Any]] = {
    FieldKind.ID: _IDS,
    FieldKind.TIME: _TIMES,
    FieldKind.INTEGER: _LONGS,
    FieldKind.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    FieldKind.TEXT: st.one_of(_SHORT, _LONG_TEXTS),
    FieldKind.TEXTS: st.one_of(
        st.lists(_TAGS, max_size=3).map(tuple),
        st.sampled_from(((), ("m",) * 10, ("m",) * 11, ("t",) * 30, ("t",) * 31)),
    ),
}


@st.composite
def events(draw: DrawFn, record_types: tuple[str, ...] = tuple(EVENT_TYPES)) -> Event:
    """An event of one of the types; mostly near what is valid, on either side of the border."""
    ruled = [name for name in record_types if name in _RULED]
    name = draw(st.sampled_from(record_types if not ruled or draw(st.booleans()) else ruled))
    values = {field.name: draw(_value(field)) for field in fields_of(name)}
    if name in CREATES and draw(st.integers(0, 3)):
        values["occurred_at"] = id_time(values[CREATES[name]])
        if name == "StoryCreated":
            life = st.sampled_from((-1, 0, 1, _DAY, _DAY + 1))
            end = values["occurred_at"] + draw(life)
            values["expires_at"] = max(-(1 << 63), min(end, (1 << 63) - 1))
    if name == "ContentViewed" and draw(st.booleans()):
        edge = draw(st.sampled_from((_DAY - 1, _DAY)))
        values["occurred_at"] = id_time(values["content_id"]) + edge
    return EVENT_TYPES[name](**values)


def _value(field: Field) -> SearchStrategy[Any]:
    if field.kind is FieldKind.ENUM:
        return st.sampled_from(list(ENUMS[field.name]))
    values = _VALUES[field.kind]
    return st.none() | values if field.optional else values


def record(event: Event, schema_id: int, offset: int, *, key: bytes | None = None) -> Record:
    """The event's record at an offset, under its own key unless another is given."""
    spec = topic_of(type(event).__name__)
    own = b"%d" % getattr(event, spec.key)
    return Record(spec.name, 0, offset, NOW, own if key is None else key, encode(event, schema_id))


@st.composite
def damaged(draw: DrawFn, value: bytes) -> bytes:
    """The value with its Avro body cut, changed, stretched, or replaced."""
    header, body = value[:5], value[5:]
    match draw(st.sampled_from(("cut", "flip", "insert", "append", "random"))):
        case "cut":
            body = body[: draw(st.integers(0, max(len(body) - 1, 0)))]
        case "flip" if body:
            at = draw(st.integers(0, min(len(body), 80) - 1))
            body = body[:at] + draw(st.binary(min_size=1, max_size=2)) + body[at + 1 :]
        case "insert":
            at = draw(st.integers(0, min(len(body), 80)))
            body = body[:at] + draw(st.binary(min_size=1, max_size=12)) + body[at:]
        case "append":
            body += draw(st.binary(min_size=1, max_size=8))
        case _:
            body = draw(st.binary(max_size=60))
    return header + body
