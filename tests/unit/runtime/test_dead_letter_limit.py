"""The limit of dead letters as a worker has it: which codes count, its settings, what is told."""

import pytest
from pydantic import ValidationError

from streams.app.settings import Settings
from streams.app.workers.dead_letter_limit import COUNTED, guard, stopped_at_limit
from streams.cli.common.errors import explained
from streams.contracts.batch import ErrorCode, Rejected
from streams.record import Record, RecordPosition
from streams.runtime.dead_letters.limit import CountedRecord, DeadLetterLimitError
from streams.runtime.monitoring.metrics import Metrics
from tests.support.batches import raw_batches
from tests.support.messages import produces

TOPIC = "social.likes.v1"


def check(settings: Settings, code: ErrorCode, count: int, of: int) -> None:
    """A batch of `of` records whose last `count` are rejected, at the first look of a worker."""
    records = [Record(TOPIC, 0, offset, 0, b"1", b"") for offset in range(of)]
    rejected = [Rejected(record, code, "s", "E", "m") for record in records[of - count :]]
    guard(settings, TOPIC, Metrics("g")).check(raw_batches(records), rejected)


def test_what_a_deployment_breaks_counts_and_what_is_about_one_event_does_not() -> None:
    assert set(ErrorCode) - COUNTED == {
        ErrorCode.FUTURE_EVENT,
        ErrorCode.EXPIRED_VIEW,
        ErrorCode.ID_CONFLICT,
        ErrorCode.OPERATOR_REJECTED,
    }
    for code in ErrorCode:
        if code in COUNTED:
            with pytest.raises(DeadLetterLimitError):
                check(Settings(), code, 100, 2000)
        else:
            check(Settings(), code, 2000, 2000)


def test_by_default_fewer_than_a_hundred_in_a_row_pass_and_those_of_the_demo_do() -> None:
    check(Settings(), ErrorCode.BAD_FRAME, 99, 2000)
    check(Settings(), ErrorCode.BAD_FRAME, 8, 8)


def test_each_limit_can_be_switched_off() -> None:
    lenient = Settings(dead_letter_consecutive=0, dead_letter_ratio=0)
    check(lenient, ErrorCode.BAD_FRAME, 5000, 5000)
    for only in ({"dead_letter_consecutive": 0}, {"dead_letter_ratio": 0}):
        with pytest.raises(DeadLetterLimitError):
            check(Settings.model_validate(only), ErrorCode.BAD_FRAME, 100, 2000)


@produces("setting STORYLINE_…")
def test_a_window_too_small_for_its_minimum_is_refused_by_name() -> None:
    with pytest.raises(ValidationError) as error:
        Settings(dead_letter_window=50)
    error_shown = explained(error.value)
    assert error_shown.exit_code == 2
    assert error_shown.message.startswith("setting STORYLINE_DEAD_LETTER_MINIMUM is 100: ")
    assert "STORYLINE_DEAD_LETTER_WINDOW holds only 50" in error_shown.message
    assert Settings(dead_letter_window=50, dead_letter_minimum=50).dead_letter_minimum == 50


@produces("… stopped at its limit of dead letters")
@pytest.mark.parametrize(
    ("topic", "look"),
    [
        (TOPIC, "storyline tail social.likes.v1 --from 170;"),
        ("accounts.public.users", "storyline cdc status;"),
    ],
)
def test_a_stopped_worker_says_what_happened_where_and_what_to_do(topic: str, look: str) -> None:
    bad = [
        CountedRecord(number, "unknown_schema", RecordPosition(topic, 3, 170 + number))
        for number in range(100)
    ]
    error_shown = stopped_at_limit("storyline-v1-engagement", DeadLetterLimitError(bad, 100))
    assert error_shown.exit_code == 65
    assert error_shown.message == (
        "storyline-v1-engagement stopped at its limit of dead letters: "
        f"100 of the last 100 records of {topic} cannot be applied, "
        f"100 of them for unknown_schema; the first is at {topic}:3:170"
    )
    assert error_shown.hint is not None
    assert look in error_shown.hint
    assert "STORYLINE_DEAD_LETTER_CONSECUTIVE=0 STORYLINE_DEAD_LETTER_RATIO=0" in error_shown.hint
