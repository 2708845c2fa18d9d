"""The limit of dead letters, batch by batch, is what counting record by record would make of it."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.record import RecordPosition
from streams.runtime.dead_letters.limit import (
    CountedRecord,
    DeadLetterHistory,
    DeadLetterLimit,
    DeadLetterLimitError,
)


@st.composite
def limits(draw: st.DrawFn) -> DeadLetterLimit:
    window = draw(st.integers(1, 12))
    return DeadLetterLimit(
        ratio=draw(st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.7, 1.0])),
        window=window,
        minimum=draw(st.integers(1, window)),
        consecutive=draw(st.integers(0, 20)),
    )


records = st.lists(st.sampled_from([None, None, "bad_frame", "decode_error"]), max_size=60)
"""Of each record, why it is bad, if it is."""


def used_after(limit: DeadLetterLimit, codes: Sequence[str | None]) -> float:
    """How near the limit is after these records; each looked at anew."""
    run = 0
    for code in reversed(codes):
        if code is None:
            break
        run += 1
    of_run = run / limit.consecutive if limit.consecutive else 0.0
    window = codes[-limit.window :]
    bad = sum(code is not None for code in window)
    if not (limit.ratio and bad):
        return of_run
    return max(of_run, min(bad / limit.minimum, float(Fraction(bad, len(window))) / limit.ratio))


def place(number: int) -> RecordPosition:
    return RecordPosition("t", number % 3, 100 + number)


def batches(codes: Sequence[str | None], cuts: set[int]) -> Iterator[tuple[int, int]]:
    """(first, end) of each batch; some are empty."""
    ends = [*sorted(cut for cut in cuts if cut < len(codes)), len(codes)]
    yield from zip([0, *ends], ends, strict=False)


@given(limits(), records, st.sets(st.integers(0, 59)))
def test_a_limit_counts_as_one_record_after_the_other_would(
    limit: DeadLetterLimit, codes: list[str | None], cuts: set[int]
) -> None:
    reached = next(
        (end for end in range(1, len(codes) + 1) if used_after(limit, codes[:end]) >= 1), None
    )
    history = DeadLetterHistory()
    for first, end in batches(codes, cuts):
        bad = [
            CountedRecord(number - first, code, place(number))
            for number in range(first, end)
            if (code := codes[number]) is not None
        ]
        if reached is not None and first < reached <= end:
            with pytest.raises(DeadLetterLimitError) as error:
                limit.after(history, end - first, bad)
            assert_told(limit, codes[:reached], error.value)
            return
        history = limit.after(history, end - first, bad)
        assert history.records == end
        assert limit.used(history) == used_after(limit, codes[:end]) < 1
        assert all(one.number >= end - max(limit.window, limit.consecutive) for one in history.bad)
    assert reached is None


def assert_told(
    limit: DeadLetterLimit, codes: Sequence[str | None], error: DeadLetterLimitError
) -> None:
    """The first of the records that count, and the code that most of them have."""
    latest = list(enumerate(codes))[-max(limit.window, limit.consecutive) :]
    if (
        limit.consecutive
        and None not in codes[-limit.consecutive :]
        and len(codes) >= limit.consecutive
    ):
        latest = latest[-limit.consecutive :]
    else:
        latest = latest[-limit.window :]
    counted = [(number, code) for number, code in latest if code is not None]
    assert error.first == place(counted[0][0])
    told = [code for _, code in counted]
    assert told.count(error.code) == max(map(told.count, told))
    assert str(error).startswith(f"{len(counted)} of the last {len(latest)} records of t cannot")
