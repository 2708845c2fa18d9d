"""The connection to a lake: in UTC on every machine, and closed to changes."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from streams.lakehouse.duck import Limits, connected, opened

LATE = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
ASK = """
import sys
from pathlib import Path
from streams.lakehouse.duck import Limits, opened
with opened(Path(sys.argv[1]), Limits()) as session:
    print(session.execute("SELECT DISTINCT moment::DATE FROM times").fetchall())
    print(session.execute("SELECT max(hour(moment)) FROM times").fetchall())
    print(session.execute("SELECT epoch(TIMESTAMPTZ '2026-01-01 23:30:00')").fetchall())
"""


def test_days_are_those_of_utc_on_a_machine_in_tokyo(tmp_path: Path) -> None:
    """In a process of its own: DuckDB reads the machine's zone once."""
    instants = pa.array([LATE, LATE.replace(hour=0, minute=1)], pa.timestamp("us", "UTC"))
    write_deltalake(tmp_path / "times", pa.table({"moment": instants}))
    result = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path)],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines() == [
        "[(datetime.date(2026, 1, 1),)]",
        "[(23,)]",
        f"[({LATE.timestamp()},)]",
    ]


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
