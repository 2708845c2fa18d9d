"""Account changes as JSON objects, as files and the command line carry them.

`{"type": "Renamed", "user_id": "42", "at": "2025-01-06T12:00:00.000Z", …}`: ids as strings
(numbers are accepted), times as RFC 3339 (milliseconds since the Unix epoch are accepted).
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from streams.accounts.changes import (
    AccountChange,
    AccountDeleted,
    AccountType,
    AudienceCounted,
    AudienceTier,
    Moved,
    PrivacySet,
    Renamed,
    SignedUp,
)
from streams.contracts.ids import parse_id
from streams.contracts.text import check_text
from streams.contracts.times import LAST_MS, format_time, parse_time

CHANGE_TYPES: Final[Mapping[str, type[AccountChange]]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (SignedUp, Renamed, Moved, PrivacySet, AudienceCounted, AccountDeleted)
    }
)
"""Name in `"type"` -> class of the change."""

_MOST: Final = (1 << 63) - 1
_SHOWN: Final = 40


class ChangeFormError(ValueError):
    """A JSON value that is not the form of a change; the message names the field."""


def to_json(change: AccountChange) -> dict[str, Any]:
    """Return the JSON form of a change; its values are plain strings, numbers and booleans."""
    shown: dict[str, Any] = {"type": type(change).__name__}
    for field in fields(change):
        value = getattr(change, field.name)
        match field.name:
            case "user_id":
                value = str(value)
            case "at":
                value = format_time(value)
        shown[field.name] = str(value) if isinstance(value, StrEnum) else value
    return shown


def from_json(value: object, *, now: int | None = None) -> AccountChange:
    """Return the change of a JSON form. Only the form is checked; the database checks the rest.

    Args:
        value: The parsed JSON.
        now: Value of `at` if the form leaves it out, milliseconds since the Unix epoch. Without
            it, `at` is required.

    Raises:
        ChangeFormError: The value is not the form of a change.
    """
    if not isinstance(value, Mapping):
        raise ChangeFormError(f"an object is expected, got {_name(value)}")
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in CHANGE_TYPES:
        known = ", ".join(CHANGE_TYPES)
        raise ChangeFormError(f"type: one of {known} is expected, got {_name(kind)}")
    known_fields = fields(CHANGE_TYPES[kind])
    names = [field.name for field in known_fields]
    if unknown := value.keys() - {"type", *names}:
        raise ChangeFormError(
            f"{min(map(str, unknown))}: {kind} has no such field; it has {', '.join(names)}"
        )
    given = {name: _read(name, value[name]) for name in names if name in value}
    if now is not None:
        given.setdefault("at", now)
    for field in known_fields:
        if field.default is MISSING and field.name not in given:
            raise ChangeFormError(f"{field.name} is missing: {_READERS[field.name][1]} is expected")
    return CHANGE_TYPES[kind](**given)


def _read(name: str, value: object) -> Any:
    read, expected = _READERS[name]
    try:
        return read(value)
    except ValueError as error:
        detail = f" ({error})" if str(error) else ""
        raise ChangeFormError(
            f"{name}: {expected} is expected, got {_name(value)}{detail}"
        ) from None


def _id(value: object) -> int:
    if isinstance(value, str):
        value = parse_id(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MOST:
        raise ValueError
    return value


def _time(value: object) -> int:
    if isinstance(value, str):
        value = parse_time(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LAST_MS:
        raise ValueError
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    check_text(value)
    if "\0" in value:
        raise ValueError("it holds a zero byte")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _symbol(symbols: type[StrEnum]) -> tuple[Callable[[object], Any], str]:
    def read(value: object) -> StrEnum:
        if not isinstance(value, str) or value not in set(symbols):
            raise ValueError
        return symbols(value)

    return read, "one of " + ", ".join(symbols)


_TEXT: Final = (_text, "a string")
_TRUTH: Final = (_truth, "true or false")

_READERS: Final[Mapping[str, tuple[Callable[[object], Any], str]]] = MappingProxyType(
    {
        "user_id": (_id, "an id (digits in a string, or a whole number above 0)"),
        "at": (_time, "a time (RFC 3339 with offset, or milliseconds since 1970)"),
        "handle": _TEXT,
        "display_name": _TEXT,
        "email": _TEXT,
        "password_hash": _TEXT,
        "country": _TEXT,
        "is_private": _TRUTH,
        "account_type": _symbol(AccountType),
        "verified": _TRUTH,
        "audience_tier": _symbol(AudienceTier),
        "follower_count": (_count, "a whole number, 0 or more"),
    }
)


def _name(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool() | int() | float():
            return str(value).lower()[:_SHOWN]
        case str():
            return repr(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
        case list() | tuple():
            return "an array"
    return "an object"
