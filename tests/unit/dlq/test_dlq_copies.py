"""Which copy of a dead letter is the latest, and what its copies make of it."""

import itertools

import pytest

from streams.dlq.model import DeadLetter, DeadLetterCopy, DeadLetterId, DeadLetterState, Decision
from streams.record import RecordPosition
from streams.runtime.dead_letters.attempts import Attempts

TOPIC = "social.likes.v1"
ORIGIN = RecordPosition(TOPIC, 0, 5)


def copy(
    attempt: int, append_time: int, offset: int, failed_at: RecordPosition = ORIGIN
) -> DeadLetterCopy:
    message = f"reason of {attempt}"
    position = RecordPosition(f"{TOPIC}.dlq", 0, offset)
    return DeadLetterCopy(position, failed_at, append_time, attempt, "bad_frame", message)


def dead_letter(*copies: DeadLetterCopy) -> DeadLetter:
    return DeadLetter(DeadLetterId(ORIGIN, "group", "digest"), 100, list(copies))


def test_later_attempt_is_the_latest_whatever_its_time() -> None:
    """Clocks of brokers differ: a record that a replay wrote may seem to be older."""
    first, second = copy(1, 9_000, 8), copy(2, 1_000, 7)
    for copies in itertools.permutations((first, second)):
        assert dead_letter(*copies).latest == second


@pytest.mark.parametrize(
    ("sooner", "later"),
    [(copy(2, 1_000, 9), copy(2, 1_001, 3)), (copy(2, 1_000, 3), copy(2, 1_000, 4))],
    ids=["time", "position"],
)
def test_of_one_attempt_the_copy_that_came_last_is_the_latest(
    sooner: DeadLetterCopy, later: DeadLetterCopy
) -> None:
    for copies in itertools.permutations((sooner, later)):
        assert dead_letter(*copies).latest == later


def test_attempts_are_of_the_latest_copy_or_the_positions_of_failure() -> None:
    again = RecordPosition(TOPIC, 1, 9)
    assert dead_letter(copy(1, 1, 1), copy(1, 1, 2)).attempts == 1
    assert dead_letter(copy(1, 1, 1), copy(1, 2, 2, again)).attempts == 2
    assert dead_letter(copy(7, 1, 1)).attempts == 7
    assert dead_letter(copy(7, 1, 1)).past == Attempts(ORIGIN, 100, 7)


def test_dead_letter_is_open_again_after_a_failure_that_no_decision_covers() -> None:
    again = RecordPosition(TOPIC, 1, 9)
    found = dead_letter(copy(1, 1, 1))
    states = [found.state]
    found.decisions.append(Decision(str(found.id), DeadLetterState.REPLAYED, frozenset({ORIGIN})))
    states.append(found.state)
    found.copies.append(copy(2, 2, 2, again))
    states.append(found.state)
    found.decisions.append(Decision(str(found.id), DeadLetterState.DISCARDED, frozenset({again})))
    states.append(found.state)
    assert states == [
        DeadLetterState.OPEN,
        DeadLetterState.REPLAYED,
        DeadLetterState.OPEN,
        DeadLetterState.DISCARDED,
    ]
