"""`storyline lake run` as a process: ended at any point, started twice, with nothing to read."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from streams.app.lake.run import run_lock
from streams.errors import UserError
from tests.oracle.lake_facts import engagement
from tests.support.lake_rows import counted, rows_of
from tests.support.messages import produces, shown
from tests.support.small_lake import EVENTS, SEED, copy_bronze

ROOT = Path(__file__).parents[2]
QUICK = "tests.support.quick_storyline"
STAR = ("dim_users", "dim_posts", "dim_stories", "dim_date", "fact_engagement", "fact_follows")
_PATIENCE_S = 600


@contextmanager
def lake_run(home: Path, module: str = "streams.cli.main") -> Iterator[subprocess.Popen[str]]:
    """`storyline lake run --once --json` on the lake under `home`, ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, "lake", "run", "--once", "--json"],
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


def files_are_written(table: Path) -> bool:
    """Data files lie there, though no commit names one."""
    return any(table.glob("event_date=*/*.parquet")) and not data_is_committed(table)


def data_is_committed(table: Path) -> bool:
    return any('"add":' in commit.read_text() for commit in table.glob("_delta_log/*.json"))


@produces("ended before all was done", "another lake run works on …")
def test_ended_at_any_point_it_goes_on_to_the_same_tables(small_lake: Path, tmp_path: Path) -> None:
    """One run per phase of a batch ends there: begun, files written, committed, all done."""
    ended = tmp_path / "home" / "delta"
    copy_bronze(small_lake, ended)
    facts, noted = ended / "fact_engagement", ended / "_checkpoints" / "fact_engagement" / "commits"

    with lake_run(ended.parent, QUICK) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        _, errors = process.communicate(timeout=_PATIENCE_S)
        assert process.returncode == 1
        assert shown(errors).splitlines()[-2:] == [
            "storyline: ended before all was done",
            "  nothing is lost: the next run goes on from here",
        ]
    with lake_run(ended.parent, QUICK) as process:
        when(process, lambda: files_are_written(facts))
        kill(process)
    assert files_are_written(facts)
    with lake_run(ended.parent, QUICK) as process:
        when(process, lambda: data_is_committed(facts))
        kill(process)
    assert not any(noted.glob("[0-9]*")), "killed before Spark noted the batch"
    with lake_run(ended.parent, QUICK) as process:
        wait_for_lock(ended, process)
        with pytest.raises(UserError, match=f"process {process.pid}$"), run_lock(ended):
            pass
        told, errors = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, errors
    assert all(json.loads(line)["counts"]["rows"] >= 0 for line in told.splitlines())
    assert counted(ended, "fact_engagement") == engagement(EVENTS), SEED
    for table in STAR:
        assert rows_of(ended, table) == rows_of(small_lake, table), (table, SEED)


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
