"""When a topic's dead letters are too many, told by counting alone."""

from collections.abc import Iterable

import pytest

from streams.record import RecordPosition
from streams.runtime.dead_letters.limit import (
    CountedRecord,
    DeadLetterHistory,
    DeadLetterLimit,
    DeadLetterLimitError,
)

DEFAULT = DeadLetterLimit(ratio=0.1, window=1000, minimum=100, consecutive=100)
FEW = DeadLetterLimit(ratio=0.5, window=10, minimum=2)


def bad(numbers: Iterable[int], code: str = "bad_frame") -> list[CountedRecord]:
    return [
        CountedRecord(number, code, RecordPosition("social.likes.v1", 7, number))
        for number in numbers
    ]


def test_a_hundred_bad_records_in_a_row_anywhere_in_a_batch_are_too_many() -> None:
    assert DEFAULT.after(DeadLetterHistory(), 2000, bad(range(901, 1000))).run == 0
    with pytest.raises(DeadLetterLimitError) as error:
        DEFAULT.after(DeadLetterHistory(), 2000, bad(range(901, 1001)))
    assert str(error.value) == (
        "100 of the last 100 records of social.likes.v1 cannot be applied, "
        "100 of them for bad_frame; the first is at social.likes.v1:7:901"
    )


def test_one_good_record_ends_a_run() -> None:
    limit = DeadLetterLimit(consecutive=3)
    history = limit.after(DeadLetterHistory(), 2, bad([0, 1]))
    history = limit.after(history, 1)
    assert (history.run, limit.used(history)) == (0, 0)
    history = limit.after(history, 2, bad([0, 1]))
    assert history.run == 2
    with pytest.raises(DeadLetterLimitError, match="3 of the last 3 records"):
        limit.after(history, 1, bad([0]))


def test_run_longer_than_the_window_is_reported_from_its_first_record() -> None:
    limit = DeadLetterLimit(consecutive=5, window=2, minimum=1)
    history = DeadLetterHistory()
    for offset in range(4):
        (one,) = bad([offset])
        history = limit.after(history, 1, [one._replace(number=0)])
    with pytest.raises(DeadLetterLimitError, match="5 of the last 5 records") as error:
        limit.after(history, 1, bad([0]))
    assert error.value.first.offset == 0


def test_a_share_counts_once_there_are_enough_bad_records() -> None:
    history = FEW.after(DeadLetterHistory(), 1, bad([0]))
    assert FEW.used(history) == 0.5
    with pytest.raises(DeadLetterLimitError, match="2 of the last 2 records"):
        FEW.after(history, 1, bad([0]))


def test_a_share_of_exactly_the_ratio_is_too_much() -> None:
    many = DeadLetterLimit(ratio=0.07, window=100, minimum=1)
    history = many.after(DeadLetterHistory(), 100)
    spread = [20, 30, 40, 50, 60, 70]
    assert many.used(many.after(history, 100, bad(spread))) < 1
    with pytest.raises(DeadLetterLimitError, match="7 of the last 100 records"):
        many.after(history, 100, bad([*spread, 99]))


def test_what_lies_before_the_window_is_forgotten() -> None:
    history = FEW.after(DeadLetterHistory(), 10, bad([9]))
    assert len(history.bad) == 1
    history = FEW.after(history, 9)
    assert len(history.bad) == 1
    assert FEW.after(history, 1) == DeadLetterHistory(records=20)


def test_a_history_is_a_value_that_judging_leaves_as_it_was() -> None:
    history = DEFAULT.after(DeadLetterHistory(), 99, bad(range(99)))
    for _ in range(2):
        with pytest.raises(DeadLetterLimitError):
            DEFAULT.after(history, 1, bad([0]))
    assert history.records == len(history.bad) == 99


def test_error_names_the_most_frequent_code() -> None:
    limit = DeadLetterLimit(consecutive=5)
    mixed = [*bad([0, 1], "decode_error"), *bad([2, 3, 4], "unknown_schema")]
    with pytest.raises(DeadLetterLimitError, match="3 of them for unknown_schema") as error:
        limit.after(DeadLetterHistory(), 5, mixed)
    assert error.value.code == "unknown_schema"


def test_without_a_limit_any_number_is_reported() -> None:
    none = DeadLetterLimit()
    history = none.after(DeadLetterHistory(), 5000, bad(range(5000)))
    assert none.used(history) == 0
    assert len(history.bad) == none.window


@pytest.mark.parametrize(
    "wrong",
    [
        {"ratio": 1.1},
        {"ratio": -0.1},
        {"ratio": float("nan")},
        {"window": 0},
        {"minimum": 0},
        {"window": 10, "minimum": 11},
        {"consecutive": -1},
    ],
)
def test_a_limit_that_means_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no such limit can be kept"):
        DeadLetterLimit(**wrong)  # type: ignore[arg-type]
