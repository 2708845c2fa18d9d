"""Snowflakes: order, uniqueness, and clocks that misbehave."""

import threading

import pytest

from streams.contracts.ids import (
    EPOCH_MS,
    MAX_ID,
    MAX_NODE,
    MAX_SEQUENCE,
    ClockError,
    SnowflakeGenerator,
    first_id_at,
    id_time,
    last_id_at,
    make_id,
    parse_id,
)

AT = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("0", 0),
        ("007", 7),
        ("-5", -5),
        ("1896919282483204097", 1896919282483204097),  # 19 digits, as today's snowflakes
        ("9223372036854775807", MAX_ID),
        ("-9223372036854775808", -MAX_ID - 1),
        ("9999999999999999999", 9999999999999999999),  # 19 digits, though no id
    ],
)
def test_up_to_19_digits_are_read(text: str, value: int) -> None:
    assert parse_id(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "-", "--1", "+1", " 1", "1\n", "1_0", "1.0", "0x1", "1e3", "٣", "²", "1" * 20, "0" * 20],
)
def test_text_that_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        parse_id(text)


class Clock:
    def __init__(self, now: int = AT) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_the_layout_is_41_10_12_bits() -> None:
    assert make_id(EPOCH_MS) == 0
    assert make_id(EPOCH_MS + 1, 1, 1) == (1 << 22) + (1 << 12) + 1
    assert make_id(EPOCH_MS + (1 << 41) - 1, MAX_NODE, MAX_SEQUENCE) == MAX_ID
    assert id_time(make_id(AT, 5, 6)) == AT


@pytest.mark.parametrize(
    ("at", "node", "sequence"),
    [(EPOCH_MS - 1, 0, 0), (EPOCH_MS + (1 << 41), 0, 0), (AT, 1024, 0), (AT, -1, 0), (AT, 0, 4096)],
)
def test_what_does_not_fit_is_refused(at: int, node: int, sequence: int) -> None:
    with pytest.raises(ValueError, match=r"is outside|is not within"):
        make_id(at, node, sequence)


def test_bounds_enclose_the_ids_of_an_instant() -> None:
    assert first_id_at(AT) == make_id(AT)
    assert last_id_at(AT) == make_id(AT, MAX_NODE, MAX_SEQUENCE)
    assert (first_id_at(0), last_id_at(0)) == (0, 0)
    assert last_id_at(1 << 62) == MAX_ID


def test_ids_increase_within_and_across_instants() -> None:
    clock = Clock()
    mint = SnowflakeGenerator(3, clock=clock)
    first = [mint.next_id() for _ in range(10)]
    clock.now += 1
    ids = [*first, mint.next_id()]
    assert ids == sorted(set(ids))
    assert [id_time(one) for one in ids] == [AT] * 10 + [AT + 1]
    assert {one >> 12 & MAX_NODE for one in ids} == {3}


def test_a_full_instant_borrows_the_next() -> None:
    mint = SnowflakeGenerator(0, clock=Clock())
    ids = [mint.next_id() for _ in range(MAX_SEQUENCE + 2)]
    assert len(set(ids)) == len(ids)
    assert id_time(ids[-2]) == AT
    assert id_time(ids[-1]) == AT + 1


def test_a_clock_that_goes_back_brings_no_id_back() -> None:
    clock = Clock()
    mint = SnowflakeGenerator(0, clock=clock)
    before = [mint.next_id() for _ in range(3)]
    clock.now -= 1000
    after = [mint.next_id() for _ in range(3)]
    assert min(after) > max(before)
    clock.now += 1001
    assert id_time(mint.next_id()) == AT + 1


def test_a_clock_that_lost_too_much_is_refused() -> None:
    clock = Clock()
    mint = SnowflakeGenerator(0, clock=clock, max_drift_ms=1000)
    mint.next_id()
    clock.now -= 1001
    with pytest.raises(ClockError, match="1001 ms"):
        mint.next_id()
    clock.now += 1
    mint.next_id()


def test_threads_share_a_generator() -> None:
    mint = SnowflakeGenerator(0)
    minted: list[list[int]] = []

    def work() -> None:
        minted.append([mint.next_id() for _ in range(2000)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for ids in minted for one in ids}) == 8000


def test_ids_of_a_past_instant_are_distinct() -> None:
    mint = SnowflakeGenerator(0)
    ids = [mint.next_id_at(AT) for _ in range(5000)]
    assert len(set(ids)) == len(ids)
    assert {id_time(one) for one in ids} == {AT}
    with pytest.raises(ValueError, match="2010 to 2079"):
        mint.next_id_at(0)
