"""Replay of dead letters' records into their topics, and discard of dead letters."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from streams.dlq.decisions import decision_message, record_decision
from streams.dlq.model import DeadLetter, DeadLetterState
from streams.dlq.search import RecordReader, records_at
from streams.errors import UserError
from streams.record import Record, RecordPosition
from streams.runtime.dead_letters.attempts import Attempts, attempt_headers
from streams.runtime.dead_letters.reporter import own_headers
from streams.runtime.producer import Message, MessageRefusedError, ProducerUnavailableError

Send = Callable[[Sequence[Message]], None]
"""Returns when the broker has acknowledged every message; raises as AckedProducer.send does."""
Report = Callable[[int], None]
"""Receives the number done so far."""

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Replay:
    """One record to append to `topic` again, and the dead letters that this settles."""

    topic: str
    position: RecordPosition
    """Position of the copy whose bytes are sent."""
    past: Attempts
    dead_letters: tuple[DeadLetter, ...]


class ReplayOutcome(NamedTuple):
    """Number of records replayed, and positions of the dead letters of those that were not.

    `gone` were deleted before they were read; the broker will never accept `refused`, which stay
    open.
    """

    replayed: int
    gone: tuple[RecordPosition, ...] = ()
    refused: tuple[RecordPosition, ...] = ()


def replays(
    selected: Iterable[DeadLetter],
    everything: Iterable[DeadLetter],
    *,
    again: bool,
    limit: int | None,
) -> list[Replay]:
    """Return the replays that settle the selected dead letters.

    Every group reads a replayed record. So a record that several groups rejected is replayed once,
    and that also settles the other groups' open dead letters.

    Args:
        selected: Dead letters to replay.
        everything: All dead letters, among which those of the other groups are found.
        again: Replay all selected dead letters instead of only the open ones.
        limit: Maximum number of records, or `None` for all.
    """
    to_replay = {
        _record_of(dead_letter): None
        for dead_letter in selected
        if again or dead_letter.state is DeadLetterState.OPEN
    }
    groups: dict[tuple[str, RecordPosition, str], list[DeadLetter]] = {
        record: [] for record in islice(to_replay, limit)
    }
    chosen = {(dead_letter.topic, dead_letter.id) for dead_letter in selected}
    for dead_letter in everything:
        requested = again and (dead_letter.topic, dead_letter.id) in chosen
        if _record_of(dead_letter) in groups and (
            requested or dead_letter.state is DeadLetterState.OPEN
        ):
            groups[_record_of(dead_letter)].append(dead_letter)
    return [_replay(dead_letters) for dead_letters in groups.values()]


def replay(plan: Sequence[Replay], log: RecordReader, send: Send, report: Report) -> ReplayOutcome:
    """Append each record to its topic, unedited; record the decision once that is acknowledged.

    Raises:
        UserError: The broker did not acknowledge. Every record with a decision is replayed, and
            at most the current chunk is replayed without one.
    """
    pending = {item.position: item for item in plan}
    done, refused = 0, []
    for records in records_at(log, list(pending)):
        items = {record.position: pending.pop(record.position) for record in records}
        copies = {record.position: copy_of(record, items[record.position]) for record in records}
        refused += [items.pop(position).position for position in _refused(send, copies, done)]
        replayed = [dead_letter for item in items.values() for dead_letter in item.dead_letters]
        messages = [
            decision_message(record_decision(dead_letter, DeadLetterState.REPLAYED))
            for dead_letter in replayed
        ]
        _acknowledged(send, messages, done)
        done += len(items)
        report(done)
    return ReplayOutcome(done, tuple(pending), tuple(refused))


def discard(dead_letters: Sequence[DeadLetter], reason: str, send: Send, report: Report) -> None:
    """Record that dead letters are given up, and the reason.

    Raises UserError if the broker does not acknowledge.
    """
    for start in range(0, len(dead_letters), _CHUNK):
        chunk = dead_letters[start : start + _CHUNK]
        messages = [
            decision_message(record_decision(dead_letter, DeadLetterState.DISCARDED, reason))
            for dead_letter in chunk
        ]
        _acknowledged(send, messages, start)
        report(start + len(chunk))


def copy_of(record: Record, item: Replay) -> Message:
    """Return the record as it was, with its own headers and those of its failed attempts."""
    return Message(
        topic=item.topic,
        key=record.key,
        value=record.value,
        headers=(*own_headers(record.headers), *attempt_headers(item.past)),
    )


def _record_of(dead_letter: DeadLetter) -> tuple[str, RecordPosition, str]:
    return dead_letter.topic, dead_letter.id.origin, dead_letter.id.content


def _replay(dead_letters: Sequence[DeadLetter]) -> Replay:
    first = dead_letters[0]
    past = Attempts(
        first.id.origin,
        min(item.first_seen for item in dead_letters),
        max(item.attempts for item in dead_letters),
    )
    return Replay(first.topic, first.latest.position, past, tuple(dead_letters))


def _refused(
    send: Send, copies: Mapping[RecordPosition, Message], done: int
) -> list[RecordPosition]:
    """Send the copies and return the positions of those that the broker refuses.

    After a refusal, each copy is sent alone: one that is too large would otherwise block all
    copies that are sent with it permanently.
    """
    try:
        send(list(copies.values()))
    except ProducerUnavailableError as error:
        raise _not_acknowledged(error, done) from error
    except MessageRefusedError:
        if len(copies) == 1:
            return list(copies)
        return [
            refused
            for position, copy in copies.items()
            for refused in _refused(send, {position: copy}, done)
        ]
    return []


def _acknowledged(send: Send, messages: Sequence[Message], done: int) -> None:
    try:
        send(messages)
    except (MessageRefusedError, ProducerUnavailableError) as error:
        raise _not_acknowledged(error, done) from error


def _not_acknowledged(error: Exception, done: int) -> UserError:
    return UserError(
        f"the broker did not acknowledge: {error}; {done} were done and noted before",
        hint="Run it again: what is noted is left alone, and a repeat changes no view.",
    )
