"""Deterministic ids of foreign users, contents and events.

Ids of contents and events are snowflakes whose lower 22 bits hold a hash of 20 bits and a role of
2 bits, so that contents, the events that create them, and all other events never share an id.
"""

import hashlib
import re
from dataclasses import replace
from typing import Final

from streams.contracts.events import Event, PostCreated
from streams.contracts.ids import EPOCH_MS, MAX_ID, TIME_SHIFT, make_id
from streams.contracts.times import DAY_MS

_ROLE_BITS: Final = 2
_CONTENT, _CREATION, _OTHER = range(3)
_HASH_BITS: Final = 20
_ORDER_BITS: Final = 10
_LOW_BITS: Final = (1 << TIME_SHIFT) - 1
_TIMELESS_MS: Final = DAY_MS
_TID: Final = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
_TID_DIGITS: Final = str.maketrans(
    "234567abcdefghijklmnopqrstuvwxyz", "0123456789abcdefghijklmnopqrstuv"
)
_TID_CLOCK_BITS: Final = 10
_STATUS: Final = re.compile(r"https?://.+/statuses/([0-9]{15,19})(?:/activity)?/?")
_STATUS_SEQUENCE_BITS: Final = 16
_RECENT: Final = 65_536


def hashed(name: str, bits: int) -> int:
    """Return `bits` (1 to 64) of the BLAKE2b hash of a name."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 64 - bits


def user_candidate(name: str) -> int:
    """Return the positive 63-bit hash of a DID or of an actor's URI."""
    return hashed(name, 63) or 1


def content_candidate(uri: str, at_ms: int) -> int:
    """Return the id of a content created at `at_ms`, unless another content has it.

    Raises:
        ValueError: `at_ms` (milliseconds since the Unix epoch) is outside 2010 to 2079.
    """
    return make_id(at_ms) | hashed(uri, _HASH_BITS) << _ROLE_BITS | _CONTENT


def timeless_candidate(uri: str) -> int:
    """Return the id of a content of unknown time, within the first day that ids can express."""
    bits = hashed(uri, 46)
    ms, low = divmod(bits, 1 << _HASH_BITS)
    return make_id(EPOCH_MS + ms % _TIMELESS_MS) | low << _ROLE_BITS | _CONTENT


def next_candidate(candidate: int) -> int:
    """Return the id to try if another name has `candidate`: the same millisecond and role."""
    return candidate & ~_LOW_BITS | (candidate + (1 << _ROLE_BITS)) & _LOW_BITS


def next_user(candidate: int) -> int:
    """Return the user id to try if another name has `candidate`."""
    return candidate % MAX_ID + 1


def tid_ms(record_key: str) -> int | None:
    """Return the time of an AT Protocol TID, milliseconds since the Unix epoch, else `None`.

    A TID is 13 base32 digits: 53 bits of microseconds and 10 bits of clock id
    (https://atproto.com/specs/tid).
    """
    if _TID.fullmatch(record_key) is None:
        return None
    return (int(record_key.translate(_TID_DIGITS), 32) >> _TID_CLOCK_BITS) // 1000


def status_ms(uri: str) -> int | None:
    """Return the time in a Mastodon status URI, milliseconds since the Unix epoch, else `None`.

    Since Mastodon 2.0 a status id is 48 bits of milliseconds and 16 bits of sequence.
    """
    found = _STATUS.fullmatch(uri)
    return None if found is None else int(found[1]) >> _STATUS_SEQUENCE_BITS


class EventIds:
    """Generator of event ids from event contents: equal events get the same id, others do not.

    An id consists of the event's time, a number that orders events of one millisecond, and a hash.
    If another of the last 65,536 events has the id, the event gets the next free one, which depends
    only on the order of the input.
    """

    def __init__(self) -> None:
        self._recent: dict[int, int] = {}

    def identified(self, event: Event, order: int = 0) -> Event:
        """Return the event with its id.

        Args:
            event: An event whose id is still 0.
            order: From 0 to 1023; within a millisecond, a larger order gives a larger id. Events
                that create content ignore it.
        """
        content = hashed(repr(event), 64)
        if isinstance(event, PostCreated):
            low = (content >> 64 - _HASH_BITS) << _ROLE_BITS | _CREATION
        else:
            low = (order << _ORDER_BITS | content >> 64 - _ORDER_BITS) << _ROLE_BITS | _OTHER
        event_id = make_id(event.occurred_at) | low
        while self._recent.get(event_id, content) != content:
            event_id = next_candidate(event_id)
        if len(self._recent) >= _RECENT:
            del self._recent[next(iter(self._recent))]
        self._recent[event_id] = content
        return replace(event, event_id=event_id)
