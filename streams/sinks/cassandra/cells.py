"""Contents of cells, and the timestamps that cells are written with.

Cassandra keeps, cell by cell, the value with the larger write timestamp and, on equal
timestamps, the larger bytes. Everything mutable is therefore one cell whose bytes sort exactly as
the change does, so that the cell that survives is the change that counts, in whatever order
changes are written and however often they are repeated.
"""

import struct
from typing import NamedTuple

from streams.views.effects import Stamp

MAX_TIMESTAMP = (1 << 63) - 1
MIN_TIMESTAMP = -MAX_TIMESTAMP  # one less is Cassandra's "no timestamp", which it refuses
INDEX_TIMESTAMP = 1
"""Timestamp of cells that are only added (index rows, deletion markers): repeats change nothing."""

VIEWER_BUCKETS = 16
AUTHOR_BUCKETS = 16
TAG_PARTS = 16
EXPIRY_PARTS = 16
USE_PARTS = 16

_SIGN = 1 << 63
_STAMP = struct.Struct(">QQB")
_WORD = struct.Struct(">Q")
_VIEW_ORIGIN = 1 << 62
_HASH_MULTIPLIER = 0x9E3779B97F4A7C15  # 2**64 / golden ratio (Knuth, TAOCP 3, 6.4)
_HASH_MASK = (1 << 64) - 1


class StateCell(NamedTuple):
    """A decoded state cell."""

    stamp: Stamp
    payload: bytes


def encode_state(stamp: Stamp, payload: bytes = b"") -> bytes:
    """Return 17 bytes of stamp, which sort as stamps do, then the payload.

    The stamp's `event_id` must not be negative.
    """
    return _STAMP.pack(stamp.occurred_at + _SIGN, stamp.event_id, stamp.ended) + payload


def decode_state(cell: bytes) -> StateCell:
    """Return the stamp and the payload of a state cell; the inverse of `encode_state`."""
    occurred_at, event_id, ended = _STAMP.unpack_from(cell)
    return StateCell(Stamp(occurred_at - _SIGN, event_id, bool(ended)), cell[_STAMP.size :])


def has_ended(cell: bytes) -> bool:
    """Return whether a state cell's stamp is of an ending event, without decoding the rest."""
    return cell[_STAMP.size - 1] == 1


def state_timestamp(stamp: Stamp) -> int:
    """Return the event's time in microseconds, limited to the range that Cassandra accepts.

    The bytes alone would settle every conflict; the true time lets Cassandra skip files that are
    older than the value it has found.
    """
    return max(MIN_TIMESTAMP, min(stamp.occurred_at * 1000, MAX_TIMESTAMP))


def first_timestamp(event_id: int) -> int:
    """Return the write timestamp of a create: the smaller `event_id` has the larger and wins."""
    return MAX_TIMESTAMP - 1 - event_id


def first_event_id(timestamp: int) -> int:
    """Return the `event_id` of a create from its write timestamp.

    This inverse of `first_timestamp` finds the create without reading the content.
    """
    return MAX_TIMESTAMP - 1 - timestamp


def encode_first_seen(seen_at: int) -> bytes:
    """Return 8 bytes that sort downwards in `seen_at` (ms): an earlier view has larger bytes."""
    return _WORD.pack(_HASH_MASK - (seen_at + _SIGN))


def decode_first_seen(cell: bytes) -> int:
    """Return the time of a first view (ms); the inverse of `encode_first_seen`."""
    (word,) = _WORD.unpack(cell)
    return _HASH_MASK - int(word) - _SIGN


def first_seen_timestamp(seen_at: int) -> int:
    """Return the write timestamp of a view at `seen_at` (ms): an earlier view has a larger one."""
    return max(MIN_TIMESTAMP, min(_VIEW_ORIGIN - seen_at, MAX_TIMESTAMP))


def encode_newest(post_id: int) -> bytes:
    """Return 8 bytes that sort as ids do.

    All such cells are written with one timestamp, so that the largest id wins.
    """
    return _WORD.pack(post_id)


def decode_newest(cell: bytes) -> int:
    """Return the id of a post; the inverse of `encode_newest`."""
    (post_id,) = _WORD.unpack(cell)
    return int(post_id)


def viewer_bucket(viewer_id: int) -> int:
    """Return the viewer's bucket of a content's 16 partitions of viewers. Must never change."""
    return (viewer_id * _HASH_MULTIPLIER & _HASH_MASK) >> 60


def author_bucket(author_id: int) -> int:
    """Return the author's bucket of the 16 partitions of tiers. Must never change."""
    return viewer_bucket(author_id)


def expiry_part(story_id: int) -> int:
    """Return the story's part of an hour's 16 partitions of expiries. Must never change."""
    return viewer_bucket(story_id)


def tag_part(post_id: int) -> int:
    """Return the post's part of the 16 parts of a tag's month. Must never change."""
    return viewer_bucket(post_id)


def use_part(author_id: int) -> int:
    """Return the author's part of an hour's 16 parts of uses of tags. Must never change."""
    return viewer_bucket(author_id)
