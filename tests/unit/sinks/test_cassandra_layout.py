"""Values that lie in Cassandra tables: a release that changes one reads nothing that is there."""

from datetime import UTC, datetime

import pytest

from streams.contracts.ids import MAX_ID, id_time, make_id
from streams.lakehouse.questions import DEFAULTS
from streams.sinks.cassandra.cells import (
    decode_state,
    encode_state,
    first_event_id,
    first_timestamp,
    has_ended,
    state_timestamp,
)
from streams.sinks.cassandra.months import first_id, month_of
from streams.views.effects import Stamp

LARGEST = 2**63 - 1


def test_write_timestamps_of_creates() -> None:
    assert first_timestamp(0) == LARGEST - 1
    assert first_timestamp(MAX_ID) == LARGEST - 1 - MAX_ID
    assert first_event_id(first_timestamp(12_345)) == 12_345


@pytest.mark.parametrize(
    ("occurred_at", "timestamp"),
    [
        (5, 5_000),
        (-5, -5_000),
        (LARGEST // 1000, LARGEST // 1000 * 1000),
        (LARGEST, LARGEST),
        (-LARGEST, -LARGEST),
    ],
)
def test_write_timestamps_of_changes(occurred_at: int, timestamp: int) -> None:
    assert state_timestamp(Stamp(occurred_at, 1)) == timestamp


def test_state_cell_is_its_stamp_and_then_its_payload() -> None:
    cell = encode_state(Stamp(1, 2, True), b"rest")
    assert cell == bytes.fromhex("8000000000000001000000000000000201") + b"rest"
    assert decode_state(cell) == (Stamp(1, 2, True), b"rest")
    assert has_ended(cell)
    assert not has_ended(encode_state(Stamp(1, 2), b"\1"))


@pytest.mark.parametrize("month", [201002, 202401, 202402, 202412, 207909])
def test_first_id_of_a_month_is_the_first(month: int) -> None:
    year, number = divmod(month, 100)
    begin = datetime(year, number, 1, tzinfo=UTC)
    assert id_time(first_id(month)) == begin.timestamp() * 1000
    assert month_of(first_id(month)) == month
    assert month_of(first_id(month) - 1) < month


def test_no_id_is_before_the_first_month() -> None:
    assert first_id(197001) == first_id(200912) == make_id(id_time(0))


def test_questions_begin_with_the_first_year_that_spark_binds() -> None:
    assert DEFAULTS["since"].isoformat() == "1000-01-01"
    assert DEFAULTS["until"].isoformat() == "9999-12-31"
    assert DEFAULTS["limit"] == 20
