"""Dead letters as operators handle them: all copies of one record are one dead letter.

A dead letter has a state, which operators' decisions and later failures change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from streams.contracts.catalog import DLQ_SUFFIX
from streams.record import Record, RecordPosition
from streams.runtime.dead_letters.attempts import Attempts, attempts_of
from streams.runtime.dead_letters.header_names import CODE_HEADER, GROUP_HEADER, MESSAGE_HEADER
from streams.runtime.dead_letters.reporter import failed_at

UNKNOWN = "?"


class DeadLetterState(StrEnum):
    """State of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetterId(NamedTuple):
    """Identity of a dead letter: a record's first position, the group that rejected it, a digest.

    `content` is the digest, of key and value: a program that copies the headers of the records it
    reads onto the records it writes would otherwise hide its own failures behind another record's.
    """

    origin: RecordPosition
    group: str
    content: str

    def __str__(self) -> str:
        return f"{self.origin} {self.group} {self.content}"


class DeadLetterCopy(NamedTuple):
    """One record of a dead letter topic; `append_time` (ms) is that of the record it is a copy of.

    `failed_at` is the record's position when it failed: the origin, or where a replay appended it.
    """

    position: RecordPosition
    failed_at: RecordPosition
    append_time: int
    attempt: int
    code: str
    message: str


class Decision(NamedTuple):
    """Decision about a dead letter and its failures by then; `at` in ms since the Unix epoch."""

    letter: str
    state: DeadLetterState
    failed_at: frozenset[RecordPosition]
    why: str | None = None
    at: int = 0


@dataclass(slots=True)
class DeadLetter:
    """A record that a group could not apply, with every copy of it that is still retained."""

    id: DeadLetterId
    first_seen: int
    """Append time of the record at its origin, in ms since the Unix epoch."""
    copies: list[DeadLetterCopy] = field(default_factory=list)
    actions: list[Decision] = field(default_factory=list)

    @property
    def latest(self) -> DeadLetterCopy:
        return max(self.copies, key=lambda copy: (copy.attempt, copy.append_time, copy.position))

    @property
    def topic(self) -> str:
        """The topic that the record came from and is replayed to."""
        return self.copies[0].position.topic.removesuffix(DLQ_SUFFIX)

    @property
    def attempts(self) -> int:
        """Number of failures; a second copy that a crashed worker wrote is not counted."""
        return max(self.latest.attempt, len(self.failures))

    @property
    def failures(self) -> frozenset[RecordPosition]:
        return frozenset(copy.failed_at for copy in self.copies)

    @property
    def positions(self) -> frozenset[RecordPosition]:
        return frozenset(copy.position for copy in self.copies)

    @property
    def state(self) -> DeadLetterState:
        """Return the last decision's state, or `OPEN` if no decision covers one of the failures."""
        settled = {place for action in self.actions for place in action.failed_at}
        return (
            self.actions[-1].state
            if self.actions and self.failures <= settled
            else DeadLetterState.OPEN
        )

    @property
    def past(self) -> Attempts:
        return Attempts(self.id.origin, self.first_seen, self.attempts)


def group_copies(pieces: Iterable[Sequence[Record]]) -> list[DeadLetter]:
    """Return the dead letters that records of dead letter topics form, oldest first, undecided.

    Values are not kept: only what distinguishes dead letters.
    """
    letters: dict[tuple[str, DeadLetterId], DeadLetter] = {}
    for records in pieces:
        for record in records:
            letter_id, first_seen, copy = _read(record)
            letter = letters.setdefault(
                (record.topic, letter_id), DeadLetter(letter_id, first_seen)
            )
            letter.first_seen = min(letter.first_seen, first_seen)
            letter.copies.append(copy)
    return sorted(letters.values(), key=lambda letter: (letter.first_seen, letter.id))


def apply_decisions(letters: Iterable[DeadLetter], actions: Iterable[Decision]) -> None:
    """Add each decision to its dead letters; `actions` in the order they were recorded."""
    by_id: dict[str, list[DeadLetter]] = {}
    for letter in letters:
        by_id.setdefault(str(letter.id), []).append(letter)
    for action in actions:
        for letter in by_id.get(action.letter, ()):
            letter.actions.append(action)


def _read(record: Record) -> tuple[DeadLetterId, int, DeadLetterCopy]:
    """Return the id, first append time (ms) and copy that a dead letter topic's record describes.

    A record that no worker wrote is its own origin.
    """
    position, past = record.position, attempts_of(record.headers)
    place = failed_at(record.headers) or position
    copy = DeadLetterCopy(
        position=position,
        failed_at=place,
        append_time=record.append_time,
        attempt=past.failures if past else 1,
        code=_text(record, CODE_HEADER),
        message=_text(record, MESSAGE_HEADER),
    )
    origin = past.origin if past else place
    letter_id = DeadLetterId(origin, _text(record, GROUP_HEADER), _digest(record))
    return letter_id, past.first_seen if past else record.append_time, copy


def _text(record: Record, header: str) -> str:
    value = dict(record.headers).get(header)
    return UNKNOWN if value is None else value.decode("utf-8", "backslashreplace")


def _digest(record: Record) -> str:
    parts = (
        b"-" if part is None else b"%d:%b" % (len(part), part)
        for part in (record.key, record.value)
    )
    return blake2b(b"".join(parts), digest_size=8).hexdigest()
