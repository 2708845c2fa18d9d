"""`storyline lake run` as a process: ended at any point, started twice, with nothing to read."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession

from jobs.lake import Lake
from jobs.run import run_once
from streams.app.lake.run import run_lock
from streams.errors import UserError
from tests.oracle.lake_facts import engagement
from tests.support.bronze import Bronze
from tests.support.lake_rows import counted, rows_of
from tests.support.messages import produces, shown
from tests.support.small_lake import EVENTS, SEED, later_events

ROOT = Path(__file__).parents[2]
QUICK = "tests.support.quick_storyline"
STAR = ("dim_users", "dim_posts", "dim_stories", "dim_date", "fact_engagement", "fact_follows")
_PATIENCE_S = 600


@contextmanager
def lake_run(home: Path) -> Iterator[subprocess.Popen[str]]:
    """`storyline lake run --once --json` on the lake under `home`, ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", QUICK, "lake", "run", "--once", "--json"],
        cwd=ROOT,
        env=os.environ | {"STORYLINE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def kill(process: "subprocess.Popen[str]") -> None:
    """Python and its JVM at once: neither can put anything in order. So is what the JVM is just
    about to start, which would else keep the pipes open for ever."""
    family = psutil.Process(process.pid)
    members = [*family.children(recursive=True), family]
    os.killpg(process.pid, signal.SIGKILL)
    psutil.wait_procs(members, timeout=30)


def when(process: "subprocess.Popen[str]", happened: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; the run must not have ended by then."""
    deadline = time.monotonic() + _PATIENCE_S
    while not happened():
        assert process.poll() is None, "the run ended before"
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Written:
    """Files, commits and checkpoints of the facts that are new since this was made."""

    def __init__(self, lake: Path) -> None:
        self._facts = lake / "fact_engagement"
        self._checkpoint = lake / "_checkpoints" / "fact_engagement"
        self._before = self._found()

    def _found(self) -> tuple[set[Path], set[Path], set[Path]]:
        return (
            set(self._facts.glob("event_date=*/*.parquet")),
            set(self._facts.glob("_delta_log/*.json")),
            set(self._checkpoint.glob("commits/[0-9]*")),
        )

    def files_alone(self) -> bool:
        """Data files exist that no commit names."""
        files, commits, _ = self._found()
        return files > self._before[0] and commits == self._before[1]

    def committed(self) -> bool:
        return self._found()[1] > self._before[1]

    def noted(self) -> bool:
        """Spark has noted the batch."""
        return self._found()[2] > self._before[2]


@produces("ended before all was done", "another lake run works on …")
def test_ended_at_any_point_it_continues_to_the_same_tables(
    spark: SparkSession, small_lake: Path, tmp_path: Path
) -> None:
    """One run per phase of a batch ends there: begun, files written, committed, all done."""
    ended, expected = tmp_path / "home" / "delta", tmp_path / "expected"
    shutil.copytree(small_lake, ended)
    later = later_events()
    Bronze(ended).append(later)
    shutil.copytree(ended, expected)
    run_once(spark, Lake(str(expected)))
    written = Written(ended)

    with lake_run(ended.parent) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        _, errors = process.communicate(timeout=_PATIENCE_S)
        assert process.returncode == 1
        assert shown(errors).splitlines()[-2:] == [
            "storyline: ended before all was done",
            "  nothing is lost: the next run goes on from here",
        ]
    with lake_run(ended.parent) as process:
        when(process, written.files_alone)
        kill(process)
    assert written.files_alone()
    with lake_run(ended.parent) as process:
        when(process, written.committed)
        kill(process)
    assert not written.noted()
    with lake_run(ended.parent) as process:
        wait_for_lock(ended, process)
        with pytest.raises(UserError, match=f"process {process.pid}$"), run_lock(ended):
            pass
        output, errors = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, errors
    assert all(json.loads(line)["counts"]["rows"] >= 0 for line in output.splitlines())
    assert written.noted()
    assert counted(ended, "fact_engagement") == engagement([*EVENTS, *later]), SEED
    for table in STAR:
        assert rows_of(ended, table) == rows_of(expected, table), (table, SEED)


def wait_for_lock(lake: Path, process: "subprocess.Popen[str]") -> None:
    """Until the run holds the lake and has said so."""
    deadline = time.monotonic() + 60
    while not (lake / "_run.lock").is_file() or (lake / "_run.lock").read_text() != str(
        process.pid
    ):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


@produces("the lake … has no table …")
def test_without_bronze_it_says_what_to_do(tmp_path: Path) -> None:
    with lake_run(tmp_path) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "has no table bronze_users_cdc, quarantine, bronze_posts" in shown(errors)
    assert "storyline run lake" in errors
    assert "Traceback" not in errors


def test_a_lock_left_by_a_killed_run_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "_run.lock").write_text("1")
    with run_lock(tmp_path):
        assert (tmp_path / "_run.lock").read_text() == str(os.getpid())
