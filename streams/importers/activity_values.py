"""Values in ActivityPub's JSON: references, receivers, times, notes."""

from datetime import UTC, datetime, timedelta
from typing import Final

from streams.importers.json_values import JsonObject, objects
from streams.importers.report import Reason, SkippedError

_NOTES: Final = ("Note", "Article", "Question")
_PUBLIC: Final = ("https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_MAX_URI: Final = 2048


def public_note(activity: JsonObject, actor: str) -> tuple[JsonObject, str]:
    """Return the public note that an activity is about, and its URI. Raises SkippedError."""
    note = activity.get("object")
    if isinstance(note, str):
        raise SkippedError(Reason.BARE_REFERENCE, "the object is only a URI")
    if not isinstance(note, dict):
        raise SkippedError(Reason.MALFORMED, "object: an object is expected")
    if note.get("type") not in _NOTES:
        raise SkippedError(Reason.OTHER_OBJECT, "no event for an object of this type")
    check_public(activity, note)
    if reference(note.get("attributedTo")) not in (None, actor):
        raise SkippedError(Reason.NOT_OWN, "the object is attributed to another actor")
    return note, required(note.get("id"), "object.id")


def check_public(*addressed: JsonObject) -> None:
    """Raise SkippedError unless one of the objects is addressed to everyone.

    Archives also contain messages to followers and to single people.
    """
    for value in addressed:
        for field in ("to", "cc"):
            receivers = value.get(field)
            listed = receivers if isinstance(receivers, list) else [receivers]
            if any(isinstance(recipient, str) and recipient in _PUBLIC for recipient in listed):
                return
    raise SkippedError(Reason.NOT_PUBLIC, "it is not addressed to everyone")


def reference(value: object) -> str | None:
    """Return the HTTP URI that a value is or has as its id; `None` if there is none."""
    uri = value.get("id") if isinstance(value, dict) else value
    if isinstance(uri, str) and uri.startswith(("https://", "http://")) and len(uri) <= _MAX_URI:
        return uri
    return None


def required(value: object, name: str) -> str:
    uri = reference(value)
    if uri is None:
        raise SkippedError(Reason.MALFORMED, f"{name}: a URI is expected")
    return uri


def attachment_url(attached: JsonObject) -> str | None:
    for name in ("url", "href"):
        url = attached.get(name)
        if isinstance(url, str):
            return url
    return None


def object_list(value: object) -> list[JsonObject]:
    """Return the objects of a member that JSON-LD writes as a list or as a single object."""
    return objects([value] if isinstance(value, dict) else value)


def instant(value: object) -> int | None:
    """Return an RFC 3339 time as milliseconds since the Unix epoch, or `None` if it is none."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if at.tzinfo is None else (at - _EPOCH) // _MS
