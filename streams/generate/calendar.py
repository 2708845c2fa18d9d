"""Times and ids of simulated events: quiet nights, busy evenings, ids that follow the clock."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from streams.contracts.ids import make_id
from streams.contracts.times import DAY_MS, HOUR_MS, MINUTE_MS

# Relative activity at each full hour (UTC); between hours it is interpolated.
HOURS = (6, 3, 2, 1, 1, 2, 5, 9, 12, 13, 13, 14, 16, 15, 13, 13, 14, 16, 19, 22, 24, 22, 17, 11)


class Minute(NamedTuple):
    """A minute (or the rest of one): `events` in [start, start + length) ms."""

    start: int
    length: int
    events: int
    progress: float  # the share of all events that come before this slice


def activity(at_ms: int) -> float:
    """Return the relative activity at an instant (ms since the Unix epoch)."""
    hour, rest = divmod(at_ms % DAY_MS, HOUR_MS)
    return HOURS[hour] + (HOURS[(hour + 1) % 24] - HOURS[hour]) * rest / HOUR_MS


def slices(start: int, duration: int, events: int) -> Iterator[Minute]:
    """Spread exactly `events` over the minutes of [start, start + duration) ms, by activity."""
    minutes = range(start, start + duration, MINUTE_MS)
    lengths = (min(MINUTE_MS, start + duration - minute) for minute in minutes)
    total = sum(activity(minute) * length for minute, length in zip(minutes, lengths, strict=True))
    mass, done = 0.0, 0
    for minute in minutes:
        length = min(MINUTE_MS, start + duration - minute)
        mass += activity(minute) * length
        due = events if minute == minutes[-1] else round(events * mass / total)
        yield Minute(minute, length, due - done, done / events)
        done = due


def instants(part: Minute, rng: Random) -> list[int]:
    """Return the instants (ms) of a slice's events, ascending."""
    draw = rng.random
    return sorted([part.start + int(draw() * part.length) for _ in range(part.events)])


class Mint:
    """Snowflakes of one generator node, ascending with the simulated clock.

    The upper half of each millisecond's sequence numbers is kept for ids minted ahead of their
    time (`ahead`), so that these never collide with what the clock reaches later.
    """

    _HALF = 1 << 11
    _ROOM = 8  # ids that one event may need

    def __init__(self, node: int) -> None:
        self._node = node
        self._base = 0
        self._sequence = 0
        self._ahead = 0
        self.now = 0

    def advance(self, at_ms: int) -> int:
        """Move the clock to `at_ms` if that is later, or by 1 ms if the instant's ids are used up.

        Returns the time of the clock (ms).
        """
        if at_ms <= self.now:
            if self._sequence + self._ROOM <= self._HALF:
                return self.now
            at_ms = self.now + 1
        self.now = at_ms
        self._base = make_id(at_ms, self._node)
        self._sequence = 0
        return at_ms

    def next_id(self) -> int:
        """Return the next id of the current instant."""
        self._sequence += 1
        return self._base + self._sequence - 1

    def ahead(self, at_ms: int) -> int:
        """Return an id of a later instant."""
        self._ahead = (self._ahead + 1) % self._HALF
        return make_id(at_ms, self._node, self._HALF + self._ahead)
