"""A commit covers only what was applied in sequence, whatever a rebalance does in between."""

import pytest

from streams.runtime.consumer.positions import PositionGapError, Positions

LIKES = ("social.likes.v1", 0)


def read(positions: Positions, *offsets: int) -> None:
    for offset in offsets:
        positions.received(LIKES, offset, offset)


@pytest.fixture
def positions() -> Positions:
    fresh = Positions()
    fresh.start(LIKES, generation=1, offset=10)
    return fresh


def test_nothing_is_committed_before_it_is_applied(positions: Positions) -> None:
    read(positions, 10, 11, 12)
    assert positions.committable(LIKES) is None
    positions.applied(LIKES, 1, 11)
    assert positions.committable(LIKES) == 12


def test_a_jump_in_offsets_ends_the_worker(positions: Positions) -> None:
    read(positions, 10)
    with pytest.raises(PositionGapError, match=r"likes\.v1\[0\]: expected offset 11, got 12"):
        read(positions, 12)


def test_reading_must_begin_at_the_commit(positions: Positions) -> None:
    with pytest.raises(PositionGapError):
        read(positions, 11)


def test_records_read_again_do_not_move_the_position_back(positions: Positions) -> None:
    read(positions, 10, 11, 12)
    positions.applied(LIKES, 1, 12)
    read(positions, 10, 11)
    positions.applied(LIKES, 1, 11)
    assert positions.committable(LIKES) == 13
    read(positions, 12, 13)
    with pytest.raises(PositionGapError):
        read(positions, 15)


def test_a_batch_of_an_earlier_assignment_is_not_acknowledged(positions: Positions) -> None:
    read(positions, 10, 11)
    positions.start(LIKES, generation=2, offset=10)
    positions.applied(LIKES, 1, 11)
    assert positions.committable(LIKES) is None
    assert not positions.knows(LIKES, 1)


def test_a_partition_taken_away_is_forgotten(positions: Positions) -> None:
    read(positions, 10)
    positions.forget({LIKES})
    positions.applied(LIKES, 1, 10)
    assert positions.committable(LIKES) is None
    assert positions.partitions() == ()


def test_gap_is_committed_once_the_records_before_it_are_applied(
    positions: Positions,
) -> None:
    read(positions, 10, 11)
    positions.add_gap(LIKES, 12, 15)  # an aborted transaction …
    positions.add_gap(LIKES, 15, 16)  # … and its marker, met by the next fetch
    assert positions.committable(LIKES) is None
    positions.applied(LIKES, 1, 10)
    assert positions.committable(LIKES) == 11
    positions.applied(LIKES, 1, 11)
    assert positions.committable(LIKES) == 16
    read(positions, 16)
    positions.applied(LIKES, 1, 16)
    assert positions.committable(LIKES) == 17


def test_partition_of_gaps_alone_is_committed(positions: Positions) -> None:
    positions.add_gap(LIKES, 10, 14)
    assert positions.committable(LIKES) == 14
    read(positions, 14)
    assert positions.committable(LIKES) == 14


def test_record_missing_next_to_a_gap_ends_the_worker(positions: Positions) -> None:
    read(positions, 10)
    positions.add_gap(LIKES, 12, 14)
    with pytest.raises(PositionGapError, match="expected offset 11, got 14"):
        read(positions, 14)


def test_gap_does_not_hide_the_record_after_it(positions: Positions) -> None:
    positions.add_gap(LIKES, 10, 12)
    with pytest.raises(PositionGapError, match="expected offset 12, got 13"):
        read(positions, 13)


@pytest.mark.parametrize(
    "gaps",
    [((10, 14), (12, 16)), ((12, 16), (10, 13)), ((10, 16), (10, 12)), ((9, 16),)],
    ids=["overlapping", "met the other way round", "told again shorter", "begun before"],
)
def test_overlapping_gaps_are_skipped(
    positions: Positions, gaps: tuple[tuple[int, int], ...]
) -> None:
    """What lies before a seek is met again, maybe from another offset on."""
    for start, end in gaps:
        positions.add_gap(LIKES, start, end)
    assert positions.committable(LIKES) == 16
    read(positions, 16)


@pytest.mark.parametrize("starts", [range(10, 20), range(19, 9, -1)], ids=["up", "down"])
def test_adjacent_gaps_are_merged(positions: Positions, starts: range) -> None:
    """A topic of aborted transactions alone takes no more memory the longer it gets."""
    for start in starts:
        positions.add_gap(LIKES, start, start + 1)
    assert positions._partitions[LIKES].gaps == {10: 20}
