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

    dead_letter: str
    state: DeadLetterState
    failed_at: frozenset[RecordPosition]
    reason: str | None = None
    at: int = 0


@dataclass(slots=True)
class DeadLetter:
    """A record that a group could not apply, with every copy of it that is still retained."""

    id: DeadLetterId
    first_seen: int
    """Append time of the record at its origin, in ms since the Unix epoch."""
    copies: list[DeadLetterCopy] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

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
        decided = {position for decision in self.decisions for position in decision.failed_at}
        return (
            self.decisions[-1].state
            if self.decisions and self.failures <= decided
            else DeadLetterState.OPEN
        )

    @property
    def past(self) -> Attempts:
        return Attempts(self.id.origin, self.first_seen, self.attempts)


def group_copies(chunks: Iterable[Sequence[Record]]) -> list[DeadLetter]:
    """Return the dead letters that records of dead letter topics form, oldest first, undecided.

    Values are not kept: only what distinguishes dead letters.
    """
    dead_letters: dict[tuple[str, DeadLetterId], DeadLetter] = {}
    for records in chunks:
        for record in records:
            dead_letter_id, first_seen, copy = _read(record)
            dead_letter = dead_letters.setdefault(
                (record.topic, dead_letter_id), DeadLetter(dead_letter_id, first_seen)
            )
            dead_letter.first_seen = min(dead_letter.first_seen, first_seen)
            dead_letter.copies.append(copy)
    return sorted(dead_letters.values(), key=lambda item: (item.first_seen, item.id))


def apply_decisions(dead_letters: Iterable[DeadLetter], decisions: Iterable[Decision]) -> None:
    """Add each decision to its dead letters; `decisions` in the order they were recorded."""
    by_id: dict[str, list[DeadLetter]] = {}
    for dead_letter in dead_letters:
        by_id.setdefault(str(dead_letter.id), []).append(dead_letter)
    for decision in decisions:
        for dead_letter in by_id.get(decision.dead_letter, ()):
            dead_letter.decisions.append(decision)


def _read(record: Record) -> tuple[DeadLetterId, int, DeadLetterCopy]:
    """Return the id, first append time (ms) and copy that a dead letter topic's record describes.

    A record that no worker wrote is its own origin.
    """
    position, past = record.position, attempts_of(record.headers)
    failed_position = failed_at(record.headers) or position
    copy = DeadLetterCopy(
        position=position,
        failed_at=failed_position,
        append_time=record.append_time,
        attempt=past.failures if past else 1,
        code=_text(record, CODE_HEADER),
        message=_text(record, MESSAGE_HEADER),
    )
    origin = past.origin if past else failed_position
    dead_letter_id = DeadLetterId(origin, _text(record, GROUP_HEADER), _digest(record))
    return dead_letter_id, past.first_seen if past else record.append_time, copy


def _text(record: Record, header: str) -> str:
    value = dict(record.headers).get(header)
    return UNKNOWN if value is None else value.decode("utf-8", "backslashreplace")


def _digest(record: Record) -> str:
    parts = (
        b"-" if part is None else b"%d:%b" % (len(part), part)
        for part in (record.key, record.value)
    )
    return blake2b(b"".join(parts), digest_size=8).hexdigest()
