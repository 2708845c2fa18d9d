"""Headers with a replayed record's history, so that failing again counts as the same failure.

A record that was never replayed has none of these headers: its first dead letter is attempt one.
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
    """Position of a record in the log; as text, `topic:partition:offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


class Attempts(NamedTuple):
    """History of a record: where and when it was first appended, and how often it failed.

    `first_seen` is in milliseconds since the Unix epoch.
    """

    origin: RecordPosition
    first_seen: int
    failures: int


def parse_position(text: str) -> RecordPosition:
    """Return the position that `text` names.

    Raises:
        ValueError: If `text` is not `topic:partition:offset`.
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not topic:partition:offset")
    return RecordPosition(found[1], int(found[2]), int(found[3]))


def attempts_of(headers: Headers) -> Attempts | None:
    """Return the history in a record's headers; `None` if the record was never replayed.

    Headers of these names that Storyline cannot have written are ignored.
    """
    named = dict(headers)
    origin, *numbers = (
        (named.get(name) or b"").decode("ascii", "replace") for name in ATTEMPT_HEADERS
    )
    if not (_PLACE.fullmatch(origin) and all(map(_NUMBER.fullmatch, numbers))):
        return None
    return Attempts(parse_position(origin), *map(int, numbers))


def attempt_headers(attempts: Attempts) -> Headers:
    """Return the headers that hold a record's history."""
    named = zip(ATTEMPT_HEADERS, attempts, strict=True)
    return tuple((name, str(value).encode()) for name, value in named)


def counted(headers: Headers) -> Headers:
    """Return what a dead letter adds to these headers of its record.

    That is one attempt more, or `()` if the record was never replayed. The rest is among the
    record's own headers, which a dead letter keeps.
    """
    before = attempts_of(headers)
    if before is None:
        return ()
    return ((ATTEMPTS_HEADER, str(before.failures + 1).encode()),)
