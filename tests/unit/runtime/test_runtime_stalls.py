"""When a partition counts as stalled, and when only a new process helps."""

import pytest

from streams.runtime.monitoring.stalls import PartitionProgress, Stall, StallDetector, StallKind

HERE, THERE = ("things", 0), ("things", 1)
LIMIT = 10.0


def progress(
    position: int, end: int, *, committed: int | None = None, busy: bool = False
) -> PartitionProgress:
    return PartitionProgress(position, position if committed is None else committed, end, busy)


@pytest.fixture
def watch() -> StallDetector:
    return StallDetector(LIMIT)


def test_a_partition_with_lag_that_does_not_move_is_stalled_once_the_time_is_up(
    watch: StallDetector,
) -> None:
    still = progress(5, 9)
    assert watch.detect({HERE: still}, 100.0) == []
    assert watch.detect({HERE: still}, 109.9) == []
    assert watch.detect({HERE: still}, 110.0) == [Stall(HERE, StallKind.POSITION, still, 10.0)]
    assert watch.detect({HERE: still}, 117.0) == [Stall(HERE, StallKind.POSITION, still, 17.0)]


def test_movement_restarts_the_time(watch: StallDetector) -> None:
    watch.detect({HERE: progress(5, 9)}, 0.0)
    assert watch.detect({HERE: progress(6, 90)}, 10.0) == []
    assert watch.detect({HERE: progress(6, 95)}, 19.9) == []
    assert watch.detect({HERE: progress(6, 99)}, 20.0) != []


def test_a_partition_without_lag_is_never_stalled_however_long(watch: StallDetector) -> None:
    watch.detect({HERE: progress(9, 9)}, 0.0)
    assert watch.detect({HERE: progress(9, 9)}, 1_000.0) == []
    assert watch.detect({HERE: progress(9, 12)}, 1_001.0) == [], "new work has its own time"
    assert watch.detect({HERE: progress(9, 12)}, 1_010.9) == []
    assert watch.detect({HERE: progress(9, 12)}, 1_011.0) != []


def test_each_partition_has_its_own_time(watch: StallDetector) -> None:
    watch.detect({HERE: progress(5, 9)}, 0.0)
    watch.detect({HERE: progress(5, 9), THERE: progress(1, 2)}, 6.0)
    (stall,) = watch.detect({HERE: progress(5, 9), THERE: progress(1, 2)}, 12.0)
    assert stall.partition == HERE


def test_partition_that_returns_starts_again(watch: StallDetector) -> None:
    watch.detect({HERE: progress(5, 9)}, 0.0)
    watch.detect({}, 9.0)
    assert watch.detect({HERE: progress(5, 9)}, 11.0) == []


def test_commits_that_stay_behind_what_is_applied_are_a_stall(watch: StallDetector) -> None:
    for now in range(10):
        assert watch.detect({HERE: progress(now + 1, 99, committed=0)}, float(now)) == []
    (stall,) = watch.detect({HERE: progress(50, 99, committed=0)}, 10.0)
    assert (stall.kind, stall.seconds) == (StallKind.COMMIT, 10.0)
    assert watch.detect({HERE: progress(60, 99, committed=50)}, 11.0) == []


def test_stall_with_a_batch_in_flight_is_recoverable_and_others_are_not(
    watch: StallDetector,
) -> None:
    busy, idle = progress(5, 9, busy=True), progress(5, 9)
    uncommitted = progress(9, 9, committed=3, busy=True)
    assert not Stall(HERE, StallKind.POSITION, busy, 10.0).is_unrecoverable
    assert Stall(HERE, StallKind.POSITION, idle, 10.0).is_unrecoverable
    assert Stall(HERE, StallKind.COMMIT, uncommitted, 10.0).is_unrecoverable
    assert watch.detect({HERE: busy}, 0.0) == []
    assert watch.detect({HERE: busy}, 10.0) != [], "it is told all the same"


def test_a_stall_says_where_and_for_how_long() -> None:
    waits = Stall(HERE, StallKind.POSITION, progress(5, 9), 12.3)
    assert str(waits) == "things[0]: reading is stuck at 5, with 4 offsets to go, for 12 s"
    keeps = Stall(HERE, StallKind.COMMIT, progress(9, 9, committed=3), 12.3)
    assert str(keeps) == "things[0]: the commit is stuck at 3, applied is 9, for 12 s"
