"""The connection to a lake: in UTC on every machine, and closed to changes."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from streams.lakehouse.duck import Limits, connected, opened

LATE = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)


@pytest.fixture(params=["Asia/Tokyo", "America/Los_Angeles", "UTC"])
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in this time zone."""
    with monkeypatch.context() as machine:
        machine.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_zone")
def test_day_of_an_instant_is_that_of_utc(tmp_path: Path) -> None:
    instants = pa.array([LATE, LATE.replace(hour=0, minute=1)], pa.timestamp("us", "UTC"))
    write_deltalake(tmp_path / "times", pa.table({"moment": instants}))
    with opened(tmp_path, Limits()) as session:
        days = session.execute("SELECT moment::DATE FROM times").fetchall()
        (hour,) = session.execute("SELECT max(hour(moment)) FROM times").fetchall()
    assert days == [(date(2026, 1, 1),)] * 2
    assert hour == (23,)


@pytest.mark.usefixtures("_zone")
def test_text_without_a_zone_is_read_as_utc() -> None:
    with connected(Limits()) as session:
        (row,) = session.execute("SELECT epoch(TIMESTAMPTZ '2026-01-01 23:30:00')").fetchall()
    assert row == (LATE.timestamp(),)


@pytest.mark.parametrize(
    "change",
    [
        "SET threads = 1",
        "SET TimeZone = 'Asia/Tokyo'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
    ],
)
def test_settings_of_an_open_lake_cannot_be_changed(tmp_path: Path, change: str) -> None:
    write_deltalake(tmp_path / "numbers", pa.table({"n": [1]}))
    with opened(tmp_path, Limits()) as session:
        with pytest.raises(duckdb.Error, match="locked"):
            session.execute(change)
        assert session.execute("SELECT n FROM numbers").fetchall() == [(1,)]


def test_open_lake_reads_no_file_beside_it(tmp_path: Path) -> None:
    lake, other = tmp_path / "lake", tmp_path / "other.csv"
    write_deltalake(lake / "numbers", pa.table({"n": [1]}))
    other.write_text("n\n1\n")
    with (
        opened(lake, Limits()) as session,
        pytest.raises(duckdb.PermissionException),
    ):
        session.execute(f"FROM read_csv('{other}')")


def test_limits_are_those_that_were_asked_for() -> None:
    with connected(Limits(memory_mb=512, threads=1)) as session:
        query = "SELECT current_setting('threads'), current_setting('memory_limit')"
        assert session.execute(query).fetchall() == [(1, "512.0 MiB")]
