"""Events as JSON objects, as the command line, the API and dead letter views show them.

`{"type": "PostCreated", "author_id": "42", …}`: ids as strings (numbers are accepted), times as
RFC 3339 (milliseconds since the Unix epoch are accepted), absent optional fields left out.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from streams.contracts.events import EVENT_TYPES, Event
from streams.contracts.fields import CREATES, Field, FieldKind, fields_of
from streams.contracts.ids import SnowflakeGenerator, id_time, parse_id
from streams.contracts.rows import ENUMS
from streams.contracts.text import check_text
from streams.contracts.times import format_time, parse_time
from streams.contracts.validation import STORY_MS

_MIN_LONG: Final = -(1 << 63)
_MAX_LONG: Final = (1 << 63) - 1


class JsonFormError(ValueError):
    """A JSON value that is not the form of an event; the message names the field."""


def to_json(event: Event) -> dict[str, Any]:
    """Return the JSON form of an event; its values are plain strings, numbers and lists."""
    shown: dict[str, Any] = {"type": type(event).__name__}
    for field in fields_of(type(event).__name__):
        value = getattr(event, field.name)
        if value is not None:
            shown[field.name] = _show(field.kind, value)
    return shown


def from_json(value: object, mint: SnowflakeGenerator | None = None) -> Event:
    """Return the event of a JSON form. Only the form is checked, not the rules of events.

    Args:
        value: The parsed JSON.
        mint: Fills in fields that the producer may leave out: `event_id`, `occurred_at`, the id of
            what a creating event creates, and a story's `expires_at`. Without it, none of these
            may be left out.

    Raises:
        JsonFormError: The value is not the form of an event.
    """
    if not isinstance(value, Mapping):
        raise JsonFormError(f"expected an object, got {_name(value)}")
    record_type = value.get("type")
    if record_type is None:
        raise JsonFormError('"type" is missing: it names the record type, such as "PostCreated"')
    if not isinstance(record_type, str) or record_type not in EVENT_TYPES:
        known = ", ".join(EVENT_TYPES)
        raise JsonFormError(f"type: {record_type!r} is no record type; there are {known}")
    fields = fields_of(record_type)
    unknown = value.keys() - {"type"} - {field.name for field in fields}
    if unknown:
        names = ", ".join(field.name for field in fields)
        raise JsonFormError(
            f"{min(map(str, unknown))}: {record_type} has no such field; it has {names}"
        )
    given = {
        field.name: _read(field, value[field.name])
        for field in fields
        if field.name in value and not (value[field.name] is None and field.optional)
    }
    if mint is not None:
        _mint(record_type, given, mint)
    for field in fields:
        if field.required and field.name not in given:
            raise JsonFormError(f"{field.name} is missing: {_expected(field)} is expected")
    return EVENT_TYPES[record_type](**given)


def _mint(record_type: str, given: dict[str, Any], mint: SnowflakeGenerator) -> None:
    """Fill in what was left out, so that a creating event's time and id agree."""
    created = CREATES.get(record_type)
    if created is not None and created in given:
        given.setdefault("occurred_at", id_time(given[created]))
    elif created is not None and "occurred_at" in given:
        try:
            given[created] = mint.next_id_at(given["occurred_at"])
        except ValueError as error:
            raise JsonFormError(f"occurred_at: {error}") from None
    if "occurred_at" not in given:
        now = mint.next_id()
        given["occurred_at"] = id_time(now)
        if created is not None:
            given[created] = now
    if "event_id" not in given:
        given["event_id"] = mint.next_id()
    if record_type == "StoryCreated":
        given.setdefault("expires_at", given["occurred_at"] + STORY_MS)


def _show(kind: FieldKind, value: Any) -> Any:
    match kind:
        case FieldKind.ID:
            return str(value)
        case FieldKind.TIME:
            return format_time(value)
        case FieldKind.TEXTS:
            return list(value)
        case FieldKind.ENUM:
            return str(value)
    return value


def _read(field: Field, value: object) -> Any:
    try:
        return _READERS[field.kind](field, value)
    except ValueError as error:
        detail = f" ({error})" if str(error) else ""
        raise JsonFormError(
            f"{field.name}: {_expected(field)} is expected, got {_name(value)}{detail}"
        ) from None


def _read_integer(_field: Field, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError
    if not _MIN_LONG <= value <= _MAX_LONG:
        raise ValueError("it does not fit 64 bits")
    return value


def _read_id(field: Field, value: object) -> int:
    if isinstance(value, str):
        value = parse_id(value)
    return _read_integer(field, value)


def _read_time(field: Field, value: object) -> int:
    return parse_time(value) if isinstance(value, str) else _read_integer(field, value)


def _read_number(_field: Field, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    if not math.isfinite(value):
        raise ValueError
    return float(value)


def _read_text(_field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    check_text(value)
    return value


def _read_texts(field: Field, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError
    for number, item in enumerate(value):
        if not isinstance(item, str):
            raise ValueError(f"item {number} is {_name(item)}")
    return tuple(_read_text(field, item) for item in value)


def _read_enum(field: Field, value: object) -> str:
    if not isinstance(value, str) or value not in field.symbols:
        raise ValueError
    return ENUMS[field.name](value)


_READERS: Final[Mapping[FieldKind, Callable[[Field, object], Any]]] = {
    FieldKind.ID: _read_id,
    FieldKind.TIME: _read_time,
    FieldKind.INTEGER: _read_integer,
    FieldKind.NUMBER: _read_number,
    FieldKind.TEXT: _read_text,
    FieldKind.TEXTS: _read_texts,
    FieldKind.ENUM: _read_enum,
}
_EXPECTED: Final[Mapping[FieldKind, str]] = {
    FieldKind.ID: "an id (digits in a string, or a whole number)",
    FieldKind.TIME: "a time (RFC 3339 with offset, or milliseconds since 1970)",
    FieldKind.INTEGER: "a whole number",
    FieldKind.NUMBER: "a number",
    FieldKind.TEXT: "a string",
    FieldKind.TEXTS: "an array of strings",
}


def _expected(field: Field) -> str:
    if field.kind is FieldKind.ENUM:
        return "one of " + ", ".join(field.symbols)
    return _EXPECTED[field.kind]


def _name(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool() | int() | float():
            return str(value).lower()[:40]
        case str():
            return repr(value if len(value) <= 40 else value[:39] + "…")
        case list() | tuple():
            return "an array"
    return "an object"
