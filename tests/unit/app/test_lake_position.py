"""The lag of the lake is that of its tables, whatever is committed for its group."""

from pathlib import Path

import pytest

from streams.app.lake import position
from streams.app.lake.position import Offsets, lake_lags
from streams.contracts.bronze import QUARANTINE_TABLE
from streams.kafka.consumer_groups import PartitionLag
from streams.sinks.delta.landing import Landing
from streams.sinks.delta.table import create_tables
from tests.unit.sinks.test_lake_landing import TABLE, TOPIC, refused, rows, span

GROUP = "storyline-v1-lake"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Holds offsets 0 to 4 of partition 0, 5 in the quarantine, and nothing of partition 1."""
    create_tables(tmp_path, (TABLE, QUARANTINE_TABLE))
    landing = Landing(tmp_path, TOPIC)
    landing.land(rows(*span(0, range(5))))
    landing.quarantine(refused((0, 5)))
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Offsets]:
    """Each question about the first records of partitions; the answer is the offset asked for."""
    questions: list[Offsets] = []

    def first_records(_: str, starts: Offsets, ends: Offsets) -> dict[tuple[str, int], int]:
        questions.append(starts)
        return {at: ends[at] if at[1] == 2 else offset for at, offset in starts.items()}

    monkeypatch.setattr(position, "first_records", first_records)
    return questions


def lag(partition: int, committed: int | None, end: int, topic: str = TOPIC) -> PartitionLag:
    return PartitionLag(GROUP, topic, partition, committed, 0, end)


def test_a_commit_that_an_operator_moved_hides_no_record(lake: Path, asked: list[Offsets]) -> None:
    (found,) = lake_lags("broker", lake, [lag(0, 9, 9)])
    assert (found.committed, found.position, found.lag) == (9, 6, 3)
    assert asked == [{(TOPIC, 0): 6}]


def test_what_the_tables_hold_is_no_lag_although_nothing_is_committed(
    lake: Path, asked: list[Offsets]
) -> None:
    (found,) = lake_lags("broker", lake, [lag(0, None, 6)])
    assert (found.position, found.lag) == (6, 0)
    assert asked == [{}]


@pytest.mark.usefixtures("asked")
def test_markers_behind_the_last_record_are_no_lag(lake: Path) -> None:
    found = lake_lags("broker", lake, [lag(1, 4, 4), lag(2, 4, 4)])
    assert [one.lag for one in found] == [4, 0]


@pytest.mark.usefixtures("asked")
def test_the_log_begins_where_it_begins(lake: Path) -> None:
    (found,) = lake_lags("broker", lake, [lag(1, 4, 10)._replace(start=7)])
    assert (found.position, found.lag) == (7, 3)


@pytest.mark.usefixtures("asked")
def test_a_topic_without_tables_here_keeps_its_commits(lake: Path, tmp_path: Path) -> None:
    other = lag(0, 2, 5, "social.views.v1")
    assert lake_lags("broker", lake, [other]) == [other]
    assert lake_lags("broker", tmp_path / "elsewhere", [lag(0, 2, 5)]) == [lag(0, 2, 5)]
