"""Typed access to parsed JSON of any form."""

from typing import Any, TypeVar

import orjson

from streams.importers.report import Reason, SkippedError

T = TypeVar("T")
JsonObject = dict[str, Any]

_NAMES = {dict: "an object", str: "a string", int: "a whole number", list: "a list"}


def parse_object(raw: bytes) -> JsonObject:
    """Return the JSON object in `raw`. Raises SkippedError."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise SkippedError(Reason.NOT_JSON, str(error)) from None
    if not isinstance(value, dict):
        raise SkippedError(Reason.MALFORMED, "a JSON object is expected")
    return value


def member(value: JsonObject, name: str, kind: type[T]) -> T:
    """Return a member of exactly this type. Raises SkippedError if there is none."""
    found = value.get(name)
    if type(found) is not kind:
        raise SkippedError(Reason.MALFORMED, f"{name}: {_NAMES[kind]} is expected")
    return found


def objects(value: object) -> list[JsonObject]:
    """Return the objects in a list; empty if `value` is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_object(value: object) -> JsonObject:
    """Return `value` if it is an object, else `{}`."""
    return value if isinstance(value, dict) else {}
