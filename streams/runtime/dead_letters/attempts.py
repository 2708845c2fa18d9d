"""What a replayed record carries of its past, so that failing again is known as the same failure.

A record that never was replayed carries none of these headers: its first burial is attempt one.
"""

import re
from typing import NamedTuple

_PREFIX = "storyline.dlq."
ORIGIN_HEADER = f"{_PREFIX}origin"
FIRST_SEEN_HEADER = f"{_PREFIX}first_seen"
ATTEMPTS_HEADER = f"{_PREFIX}attempts"
ATTEMPT_HEADERS = (ORIGIN_HEADER, FIRST_SEEN_HEADER, ATTEMPTS_HEADER)

Headers = tuple[tuple[str, bytes | None], ...]

_PLACE = re.compile(r"([\w.-]+):(\d{1,9}):(\d{1,18})", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class RecordPosition(NamedTuple):
    """Where a record lies in the log; as text `topic:partition:offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


class Attempts(NamedTuple):
    """A record's past: where it lay first, when it was appended there (ms), how often it failed."""

    origin: RecordPosition
    first_seen: int
    failures: int


def parse_position(text: str) -> RecordPosition:
    """The place that `str` of it tells. Raises ValueError."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not topic:partition:offset")
    return RecordPosition(found[1], int(found[2]), int(found[3]))


def attempts_of(headers: Headers) -> Attempts | None:
    """What the headers tell of a record's past; None where it was never replayed.

    Headers of these names that Storyline cannot have written count for nothing.
    """
    named = dict(headers)
    origin, *numbers = (
        (named.get(name) or b"").decode("ascii", "replace") for name in ATTEMPT_HEADERS
    )
    if not (_PLACE.fullmatch(origin) and all(map(_NUMBER.fullmatch, numbers))):
        return None
    return Attempts(parse_position(origin), *map(int, numbers))


def attempt_headers(attempts: Attempts) -> Headers:
    """The headers that tell it."""
    named = zip(ATTEMPT_HEADERS, attempts, strict=True)
    return tuple((name, str(value).encode()) for name, value in named)


def counted(headers: Headers) -> Headers:
    """What the burial of a record with these headers adds: one attempt more, if it was replayed.

    The rest is among the record's own headers, which a dead letter keeps.
    """
    before = attempts_of(headers)
    if before is None:
        return ()
    return ((ATTEMPTS_HEADER, str(before.failures + 1).encode()),)
