"""64-bit snowflake ids: 41 bits of milliseconds, 10 bits of node, 12 bits of sequence.

The layout is Twitter's Snowflake (2010) with our own epoch. Ids sort by creation time, so
"newest first" is "id descending" and a page cursor is simply the last id seen.
"""

import secrets
import threading
from collections.abc import Callable

from streams.contracts.times import now_ms

EPOCH_MS = 1_262_304_000_000  # 2010-01-01T00:00:00Z
MAX_ID = (1 << 63) - 1
MAX_NODE = (1 << 10) - 1
MAX_SEQUENCE = (1 << 12) - 1
TIME_SHIFT = 22
_NODE_SHIFT = 12
_MAX_DIGITS = len(str(MAX_ID))


def parse_id(text: str) -> int:
    """Return the integer that a string of up to 19 decimal digits names, negative ones included.

    Raises:
        ValueError: The text is no such string. Whether the integer is an id is not checked.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MAX_DIGITS:
        raise ValueError
    return int(text)


def id_time(snowflake: int) -> int:
    """Return the creation instant of an id, in milliseconds since the Unix epoch."""
    return (snowflake >> TIME_SHIFT) + EPOCH_MS


def make_id(at_ms: int, node: int = 0, sequence: int = 0) -> int:
    """Compose the id of the instant `at_ms`.

    Args:
        at_ms: Milliseconds since the Unix epoch, from 2010 to 2079.
        node: From 0 to 1023.
        sequence: From 0 to 4095.

    Raises:
        ValueError: A part does not fit its bits; so an id is always positive.
    """
    elapsed = at_ms - EPOCH_MS
    if not 0 <= elapsed < 1 << 41:
        raise ValueError(f"{at_ms} ms is outside what a snowflake can hold (2010 to 2079)")
    if not 0 <= node <= MAX_NODE:
        raise ValueError(f"node {node} is not within 0..{MAX_NODE}")
    if not 0 <= sequence <= MAX_SEQUENCE:
        raise ValueError(f"sequence {sequence} is not within 0..{MAX_SEQUENCE}")
    return elapsed << TIME_SHIFT | node << _NODE_SHIFT | sequence


def first_id_at(at_ms: int) -> int:
    """Return the smallest id of `at_ms`, clamped to the range of ids: a bound for range reads."""
    elapsed = min(max(at_ms - EPOCH_MS, 0), (1 << 41) - 1)
    return elapsed << TIME_SHIFT


def last_id_at(at_ms: int) -> int:
    """Return the largest id of the instant `at_ms`; `0` if it is before `EPOCH_MS`."""
    if at_ms < EPOCH_MS:
        return 0
    return first_id_at(at_ms) | (1 << TIME_SHIFT) - 1


class SnowflakeGenerator:
    """Generator of unique, increasing ids for one node; threads may share it.

    If the clock goes backwards, the generator repeats no id: it stays at the last instant that it
    used and continues the sequence there. If that instant's 4,096 ids are used up, it borrows the
    next millisecond. Beyond `max_drift_ms` of borrowing or of clock loss it raises ClockError,
    because an id that far from its own time would be rejected as coming from the future.
    """

    def __init__(
        self,
        node: int,
        *,
        clock: Callable[[], int] = now_ms,
        max_drift_ms: int = 60_000,
    ) -> None:
        if not 0 <= node <= MAX_NODE:
            raise ValueError(f"node {node} is not within 0..{MAX_NODE}")
        self._node = node
        self._clock = clock
        self._max_drift_ms = max_drift_ms
        self._last_ms = 0
        self._sequence = 0
        self._past = secrets.randbits(TIME_SHIFT)
        self._lock = threading.Lock()

    def next_id(self) -> int:
        """Return the next id.

        Raises:
            ClockError: The clock is more than `max_drift_ms` behind the last id.
        """
        with self._lock:
            now = self._clock()
            if now > self._last_ms:
                self._last_ms, self._sequence = now, 0
            elif self._last_ms - now > self._max_drift_ms:
                raise ClockError(
                    f"the clock went back {self._last_ms - now} ms behind the last id minted"
                )
            elif self._sequence == MAX_SEQUENCE:
                self._last_ms, self._sequence = self._last_ms + 1, 0
            else:
                self._sequence += 1
            return make_id(self._last_ms, self._node, self._sequence)

    def next_id_at(self, at_ms: int) -> int:
        """Return an id of the instant `at_ms`, for an event that is reported after it happened.

        There is no record of which ids of a past instant are in use. So the 22 low bits, the
        node's included, count up from a random start: one generator returns no id twice, and each
        id has one chance in four million to come from another generator, too.

        Raises:
            ValueError: `at_ms` (milliseconds since the Unix epoch) is outside 2010 to 2079.
        """
        with self._lock:
            self._past = (self._past + 1) % (1 << TIME_SHIFT)
            return make_id(at_ms) | self._past


class ClockError(RuntimeError):
    """A clock that went back too far to mint ids whose time is near the true time."""
