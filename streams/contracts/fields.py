"""Kinds of the fields of events, read from the schemas: id, time, number, text, list, enum."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Final

from streams.contracts.catalog import schemas

_REFERENCES: Final = frozenset({"reply_to", "reply_to_author", "repost_of", "repost_of_author"})

CREATES: Final[Mapping[str, str]] = MappingProxyType(
    {"PostCreated": "post_id", "StoryCreated": "story_id", "CommentCreated": "comment_id"}
)
"""Creating record type -> the field with the id of what it creates."""


class FieldKind(Enum):
    """Kind of a field, which decides how its value is written in Arrow, Python and JSON."""

    ID = auto()
    TIME = auto()
    INTEGER = auto()
    NUMBER = auto()
    TEXT = auto()
    TEXTS = auto()
    ENUM = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """A field. An enum's `symbols` end with its default; `default` applies unless `required`."""

    name: str
    kind: FieldKind
    optional: bool
    required: bool
    default: Any
    symbols: tuple[str, ...]
    unknown: str | None


@functools.cache
def fields_of(record_type: str) -> tuple[Field, ...]:
    """Return the fields of a record type in the order of its schema."""
    named: dict[str, dict[str, Any]] = {}
    return tuple(_field(raw, named) for raw in schemas()[record_type]["fields"])


@functools.cache
def id_fields(record_type: str) -> tuple[str, ...]:
    """Return the names of the fields that hold ids, optional ones included."""
    return tuple(field.name for field in fields_of(record_type) if field.kind is FieldKind.ID)


@functools.cache
def time_fields(record_type: str) -> tuple[str, ...]:
    """Return the names of the fields that hold instants, in the order of the schema."""
    return tuple(field.name for field in fields_of(record_type) if field.kind is FieldKind.TIME)


def _field(raw: Mapping[str, Any], named: dict[str, dict[str, Any]]) -> Field:
    name, kind = raw["name"], raw["type"]
    optional = isinstance(kind, list)
    if isinstance(kind, list):
        (kind,) = (branch for branch in kind if branch != "null")
    enum: dict[str, Any] = {}
    if isinstance(kind, dict) and kind["type"] == "enum":
        enum = named[kind["name"]] = kind
    elif isinstance(kind, str) and kind in named:
        enum = named[kind]
    return Field(
        name=name,
        kind=FieldKind.ENUM if enum else _kind(name, kind),
        optional=optional,
        required="default" not in raw,
        default=raw.get("default"),
        symbols=tuple(enum.get("symbols", ())),
        unknown=enum.get("default"),
    )


def _kind(name: str, kind: Any) -> FieldKind:
    match kind:
        case {"type": "long", "logicalType": "timestamp-millis"}:
            return FieldKind.TIME
        case {"type": "array", "items": "string"}:
            return FieldKind.TEXTS
        case "long":
            return (
                FieldKind.ID if name.endswith("_id") or name in _REFERENCES else FieldKind.INTEGER
            )
        case "double":
            return FieldKind.NUMBER
        case "string":
            return FieldKind.TEXT
    raise ValueError(f"field {name}: the catalogue has no meaning for the Avro type {kind!r}")
