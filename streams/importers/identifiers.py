"""Deterministic ids of foreign users, contents and events.

Ids of contents and events are snowflakes whose lower 22 bits hold a hash of 20 bits and a role of
2 bits, so that contents, the events that create them, and all other events never share an id.
"""

import hashlib
import re
from typing import Final

from streams.contracts.ids import EPOCH_MS, MAX_ID, make_id

CREATION_STEP: Final = 1
"""Distance from the id of a content to the id of the event that creates it."""
PROBE_STEP: Final = 4
"""Distance to the next id that is tried if two names have one id."""
_OTHER_EVENT: Final = 2
_HASH_BITS: Final = 20
_FINE_BITS: Final = 10
_TIMELESS_MS: Final = 24 * 3_600_000
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
    """Return the id of a content created at `at_ms`, if no other content has it.

    Raises:
        ValueError: `at_ms` (ms since the Unix epoch) is outside 2010 to 2079.
    """
    return make_id(at_ms) | hashed(uri, _HASH_BITS) << 2


def timeless_candidate(uri: str) -> int:
    """Return the id of a content of unknown time, within the first day that ids can express."""
    bits = hashed(uri, 46)
    ms, low = divmod(bits, 1 << _HASH_BITS)
    return make_id(EPOCH_MS + ms % _TIMELESS_MS) | low << 2


def next_candidate(candidate: int) -> int:
    """Return the id to try if another name has `candidate`: the same millisecond and role."""
    return candidate & ~((1 << 22) - 1) | (candidate + PROBE_STEP) & ((1 << 22) - 1)


def next_user(candidate: int) -> int:
    """Return the user id to try if another name has `candidate`."""
    return candidate % MAX_ID + 1


def tid_ms(record_key: str) -> int | None:
    """Return the time of an AT Protocol TID in ms since the Unix epoch; `None` for other keys.

    A TID is 13 base32 digits: 53 bits of microseconds and 10 bits of clock id
    (https://atproto.com/specs/tid).
    """
    if _TID.fullmatch(record_key) is None:
        return None
    return (int(record_key.translate(_TID_DIGITS), 32) >> _TID_CLOCK_BITS) // 1000


def status_ms(uri: str) -> int | None:
    """Return the time in the URI of a Mastodon status in ms since the Unix epoch, or `None`.

    Since Mastodon 2.0 a status id is 48 bits of milliseconds and 16 bits of sequence.
    """
    found = _STATUS.fullmatch(uri)
    return None if found is None else int(found[1]) >> _STATUS_SEQUENCE_BITS


class EventIds:
    """Mints the ids of events that create nothing, the same ones for the same input.

    An id consists of the event's time and a hash of its key. If another of the last 65,536 keys has
    the id, the next free one is taken, which depends on the order of the input only.
    """

    def __init__(self) -> None:
        self._recent: dict[int, str] = {}

    def mint(self, key: str, at_ms: int, fine: int | None = None) -> int:
        """Return the id of the event with this key.

        Args:
            key: What makes the event different from every other one.
            at_ms: Time of the event, ms since the Unix epoch.
            fine: Microseconds within the millisecond, 0 to 999. If given, they come before the
                hash, so that events of different microseconds have different ids.
        """
        low = hashed(key, _HASH_BITS)
        if fine is not None:
            low = fine << _FINE_BITS | low >> _HASH_BITS - _FINE_BITS
        event_id = make_id(at_ms) | low << 2 | _OTHER_EVENT
        while self._recent.get(event_id, key) != key:
            event_id = next_candidate(event_id)
        if len(self._recent) >= _RECENT:
            del self._recent[next(iter(self._recent))]
        self._recent[event_id] = key
        return event_id
