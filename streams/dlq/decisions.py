"""Records of the topic that stores operators' decisions about dead letters."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import orjson

from streams.dlq.model import DeadLetter, DeadLetterState, Decision
from streams.record import Record, parse_position
from streams.runtime.producer import Message

ACTIONS_TOPIC: Final = "storyline.dlq.actions.v1"


def record_decision(
    dead_letter: DeadLetter, state: DeadLetterState, reason: str | None = None
) -> Decision:
    """Return a decision that covers the dead letter's failures so far; a later one reopens it."""
    return Decision(str(dead_letter.id), state, dead_letter.failures, reason)


def decision_message(decision: Decision) -> Message:
    """Return the record that stores a decision; its append time is the time of the decision."""
    value = {
        "action": decision.state,
        "failed_at": sorted(map(str, decision.failed_at)),
        **({} if decision.reason is None else {"why": decision.reason}),
    }
    return Message(ACTIONS_TOPIC, decision.dead_letter.encode(), orjson.dumps(value))


def parse_decisions(chunks: Iterable[Sequence[Record]]) -> Iterator[Decision]:
    """Yield the decisions in records of the topic of decisions, in order.

    A record that cannot be read decides nothing: its dead letter stays open, so nothing is lost.
    """
    for records in chunks:
        for record in records:
            decision = _read(record)
            if decision is not None:
                yield decision


def _read(record: Record) -> Decision | None:
    try:
        value = orjson.loads(record.value or b"")
        return Decision(
            dead_letter=(record.key or b"").decode(),
            state=DeadLetterState(value["action"]),
            failed_at=frozenset(map(parse_position, value["failed_at"])),
            reason=value.get("why"),
            at=record.append_time,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
