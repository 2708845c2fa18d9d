"""Content part of cells: JSON objects of the fields that are set.

A field added later is simply absent from older cells.
"""

import struct
from typing import Any, NamedTuple

import orjson

from streams.views.effects import CreateComment, CreatePost, CreateStory, EditPost

_EVENT_ID = struct.Struct(">Q")
_POST_TEXT = ("text", "hashtags", "tags", "media")
_POST_LINKS = ("reply_to", "reply_to_author", "repost_of", "repost_of_author")
_FIELDS: dict[type, tuple[str, ...]] = {
    CreatePost: (*_POST_TEXT, *_POST_LINKS),
    EditPost: _POST_TEXT,
    CreateStory: ("media_url", "caption", "expires_at"),
    CreateComment: ("owner_id", "text", "reply_to"),
}

Payload = dict[str, Any]


class Created(NamedTuple):
    """A decoded `created` cell."""

    event_id: int
    payload: Payload


def payload_of(effect: CreatePost | EditPost | CreateStory | CreateComment) -> bytes:
    """Return the content that the effect carries, without keys and stamps."""
    values = ((name, getattr(effect, name)) for name in _FIELDS[type(effect)])
    return orjson.dumps({name: value for name, value in values if value not in (None, ())})


def read_payload(payload: bytes) -> Payload:
    """Return the fields that are set in a payload; the inverse of `payload_of`."""
    decoded: Payload = orjson.loads(payload)
    return decoded


def encode_created(effect: CreatePost | CreateStory | CreateComment) -> bytes:
    """Return a `created` cell: 8 bytes of event_id, then the content."""
    return _EVENT_ID.pack(effect.event_id) + payload_of(effect)


def decode_created(cell: bytes) -> Created:
    """Return the event_id and the content of a cell; the inverse of `encode_created`."""
    (event_id,) = _EVENT_ID.unpack_from(cell)
    return Created(event_id, read_payload(cell[_EVENT_ID.size :]))
