"""Headers with a replayed record's history, so that failing again counts as the same failure.

A record that was never replayed has none of these headers: its first dead letter is attempt one.
"""

import re
from typing import NamedTuple

from streams.record import Headers, RecordPosition, parse_position
from streams.runtime.dead_letters.header_names import ATTEMPT_HEADERS, ATTEMPTS_HEADER

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class Attempts(NamedTuple):
    """History of a record: where and when it was first appended, and how often it failed.

    `first_seen` is in milliseconds since the Unix epoch.
    """

    origin: RecordPosition
    first_seen: int
    failures: int


def attempts_of(headers: Headers) -> Attempts | None:
    """Return the history in a record's headers; `None` if the record was never replayed.

    Headers of these names that Storyline cannot have written are ignored.
    """
    by_name = dict(headers)
    origin, *numbers = (
        (by_name.get(name) or b"").decode("ascii", "replace") for name in ATTEMPT_HEADERS
    )
    if not all(map(_NUMBER.fullmatch, numbers)):
        return None
    try:
        return Attempts(parse_position(origin), *map(int, numbers))
    except ValueError:
        return None


def attempt_headers(attempts: Attempts) -> Headers:
    """Return the headers that hold a record's history."""
    named = zip(ATTEMPT_HEADERS, attempts, strict=True)
    return tuple((name, str(value).encode()) for name, value in named)


def counted(headers: Headers) -> Headers:
    """Return what a dead letter adds to these headers of its record.

    That is one attempt more, or `()` if the record was never replayed. The rest is among the
    record's own headers, which a dead letter keeps.
    """
    attempts = attempts_of(headers)
    if attempts is None:
        return ()
    return ((ATTEMPTS_HEADER, str(attempts.failures + 1).encode()),)
