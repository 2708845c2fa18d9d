"""Records of the topic that stores operators' decisions about dead letters."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import orjson

from streams.dlq.model import DeadLetter, DeadLetterState, Decision
from streams.record import Record, parse_position
from streams.runtime.producer import Message

ACTIONS_TOPIC: Final = "storyline.dlq.actions.v1"


def record_decision(letter: DeadLetter, state: DeadLetterState, why: str | None = None) -> Decision:
    """Return a decision that covers the dead letter's failures so far; a later one reopens it."""
    return Decision(str(letter.id), state, letter.failures, why)


def action_message(action: Decision) -> Message:
    """Return the record that stores a decision; its append time is the time of the decision."""
    value = {
        "action": action.state,
        "failed_at": sorted(map(str, action.failed_at)),
        **({} if action.why is None else {"why": action.why}),
    }
    return Message(ACTIONS_TOPIC, action.letter.encode(), orjson.dumps(value))


def decisions_of(pieces: Iterable[Sequence[Record]]) -> Iterator[Decision]:
    """Yield the decisions in records of the topic of decisions, in order.

    A record that cannot be read decides nothing: its dead letter stays open, so nothing is lost.
    """
    for records in pieces:
        for record in records:
            action = _read(record)
            if action is not None:
                yield action


def _read(record: Record) -> Decision | None:
    try:
        value = orjson.loads(record.value or b"")
        return Decision(
            letter=(record.key or b"").decode(),
            state=DeadLetterState(value["action"]),
            failed_at=frozenset(map(parse_position, value["failed_at"])),
            why=value.get("why"),
            at=record.append_time,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
