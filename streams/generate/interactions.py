"""Reader of SNAP's "Higgs" data set: interactions between Twitter users, 1 to 7 July 2012.

`higgs-activity_time.txt.gz` has a line `userA userB unixtime TYPE` for every retweet (RT), mention
(MT) and reply (RE). Source: De Domenico, Lima, Mougel, Musolesi, "The Anatomy of a Scientific
Rumor", Scientific Reports 3, 2980 (2013).
"""

import gzip
import zlib
from array import array
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from streams.contracts.ids import EPOCH_MS, MAX_ID
from streams.errors import UserError

FILE = "higgs-activity_time.txt.gz"
_LATEST_S = (EPOCH_MS + (1 << 41)) // 1000 - 1


class Act(StrEnum):
    """Kind of an interaction of A with B."""

    RETWEET = "RT"
    MENTION = "MT"
    REPLY = "RE"


_ACTS = tuple(Act)
_CODES = {act.value: code for code, act in enumerate(_ACTS)}


class Interaction(NamedTuple):
    """Action of `user` on `other` at `at_ms`; `line` counts from 1."""

    line: int
    user: int
    other: int
    at_ms: int
    act: Act


class Interactions:
    """Interactions of a file's lines, in 25 bytes each."""

    def __init__(self) -> None:
        self._users, self._others, self._seconds = array("q"), array("q"), array("q")
        self._acts = array("b")

    def __len__(self) -> int:
        return len(self._acts)

    def __iter__(self) -> Iterator[Interaction]:
        columns = zip(self._users, self._others, self._seconds, self._acts, strict=True)
        for line, (user, other, second, code) in enumerate(columns, start=1):
            yield Interaction(line, user, other, second * 1000, _ACTS[code])

    def add(self, user: int, other: int, second: int, code: int) -> None:
        """Add a line. Raises ValueError if its time is before the last line's."""
        if self._seconds and second < self._seconds[-1]:
            raise ValueError("time goes back; lines must be in order of time")
        self._users.append(user)
        self._others.append(other)
        self._seconds.append(second)
        self._acts.append(code)


def read_interactions(
    directory: Path, *, limit: int | None = None, until_ms: int | None = None
) -> Interactions:
    """Return the interactions of the first `limit` lines, up to the instant `until_ms`.

    The file is read to that point first, so that a damaged one raises before the first event.

    Args:
        directory: Directory that has the data set's `FILE`.
        limit: Maximum number of lines; `None` for all.
        until_ms: Last instant (ms since the Unix epoch); `None` for all.

    Raises:
        UserError: The file is missing, damaged, not in the expected form, or has no interaction
            up to that point.
    """
    path = directory / FILE
    if not path.is_file():
        raise UserError(
            f"{path} is missing",
            hint=f"DIR must hold {FILE} of SNAP's Higgs Twitter data set.",
        )
    read = Interactions()
    try:
        with gzip.open(path) as lines:
            _read(lines, read, limit, until_ms)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path} is damaged after line {len(read)}: {error}", hint="Fetch the file again."
        ) from error
    except ValueError as error:
        raise UserError(f"{path}, line {len(read) + 1}: {error}") from error
    if not len(read):
        raise UserError(f"{path} holds no interaction up to there")
    return read


def _read(
    lines: Iterable[bytes], into: Interactions, limit: int | None, until_ms: int | None
) -> None:
    for text in islice(lines, limit):
        user, other, second, code = _parse(text)
        if until_ms is not None and second * 1000 > until_ms:
            return
        into.add(user, other, second, code)


def _parse(text: bytes) -> tuple[int, int, int, int]:
    fields = text.decode("ascii").split()
    if len(fields) != 4:
        raise ValueError(f"expected 'userA userB unixtime TYPE', found {len(fields)} fields")
    user, other, second = (int(field) for field in fields[:3])
    if not (0 < user <= MAX_ID and 0 < other <= MAX_ID):
        raise ValueError("user ids must be positive 63-bit integers")
    if not EPOCH_MS // 1000 < second < _LATEST_S:
        raise ValueError(f"{second} is not a time in seconds between 2010 and 2079")
    if fields[3] not in _CODES:
        raise ValueError(f"type {fields[3]!r} is none of {', '.join(_CODES)}")
    return user, other, second, _CODES[fields[3]]
