"""Jobs that cannot go on: what `lake run` says of each, and how a rebuild starts them over.

One lake is broken in as many ways as there are jobs, so that one start of Spark shows them all.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from jobs.lake import Lake
from jobs.run import run_once
from streams.app.lake_failures import JobFailure
from streams.app.lake_status import lake_status
from streams.app.settings import Settings
from streams.lakehouse.files import data_files
from tests.bronze import Bronze, week
from tests.lake_command import Command
from tests.lake_rows import rows_of
from tests.messages import produces, shown
from tests.verdicts import Event

SEED = 7
STAR = ("dim_users", "dim_posts", "dim_stories", "dim_date", "fact_engagement", "fact_follows")
_PATIENCE_S = 600


def account(user_id: int, lsn: int) -> dict[str, Any]:
    plain = {"handle": f"u{user_id}", "display_name": "U", "is_private": False, "verified": False}
    kind = {"account_type": "personal", "audience_tier": "regular", "follower_count": 1}
    after = {"user_id": user_id, "country": "DE", **plain, **kind, "created_at": 1, "updated_at": 1}
    change = {"op": "c", "user_id": user_id, "after": after, "lsn": lsn, "tx_id": lsn}
    return change | {"tx_order": 1, "committed_at": 1_600_000_000_000_000, "snapshot": "false"}


def newest_file(lake: Path, table: str) -> Path:
    """The data file of the last append."""
    [file, *_] = data_files(DeltaTable(lake / table), lake / table)
    return file.path


def run_process(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "lake", *arguments],
        env=os.environ | {"STORYLINE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


def failures(home: Path) -> dict[str, JobFailure]:
    return {failure.job: failure for failure in lake_status(Settings(home=home)).failures}


def tables(lake: Path) -> dict[str, list[dict[str, Any]]]:
    return {table: rows_of(lake, table) for table in STAR}


def made_of(spark: SparkSession, lake: Path, events: Iterable[Event], users: list[int]) -> None:
    bronze = Bronze(lake)
    bronze.append(events)
    bronze.change(account(user, user) for user in users)
    run_once(spark, Lake(str(lake)))


@produces("jobs failed: …", "… has failed since …", "… is not whole, and nothing was removed")
def test_each_job_says_why_it_fails_and_a_rebuild_makes_the_tables_exact_again(
    spark: SparkSession,
    tmp_path: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
) -> None:
    events, lake = week(users=30, events=400, seed=SEED), tmp_path / "delta"
    first, second = events[:250], events[250:]
    users = sorted({e["follower_id"] for e in events if e["type"] == "UserFollowed"})[:6]
    gone = next(e["follower_id"] for e in first if e["type"] == "UserFollowed")
    made_of(spark, lake, first, users)
    bronze = Bronze(lake)
    bronze.append(second)
    # The person is deleted from bronze, a file vanishes, a table is made again, one is lost.
    DeltaTable(lake / "bronze_follows").delete(f"follower_id = {gone}")
    lost = newest_file(lake, "bronze_stories")
    kept = lost.rename(tmp_path / "kept.parquet")
    shutil.rmtree(lake / "bronze_users_cdc")
    bronze = Bronze(lake)
    bronze.change(account(user, user) for user in users)
    shutil.rmtree(lake / "dim_posts")

    ended = run_process(tmp_path, "run", "--once", "--debug")
    assert ended.returncode == 1, ended.stderr
    said = shown(ended.stderr)
    assert "dim_users failed: Spark: [DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE]" in said
    assert "dim_posts failed: table dim_posts is gone" in said
    assert "dim_stories failed: Spark: [FAILED_READ_FILE.FILE_NOT_EXIST]" in said
    assert f"(table bronze_stories, file {lost.relative_to(lake / 'bronze_stories')})" in said
    assert "fact_follows failed: Spark: [DELTA_SOURCE_TABLE_IGNORE_CHANGES]" in said
    assert "storyline lake rebuild bronze_follows" in said
    assert "at org.apache.spark.sql.delta" in said, "--debug shows the Java side"
    assert "restatement" not in said, "it waits for dim_users"
    assert "AssertionError" not in said
    assert "Connection refused" not in said
    assert "fact_engagement batch 1: " in ended.stdout, "the other jobs go on"
    assert "jobs failed: dim_posts, dim_users, dim_stories, fact_follows" in said
    before = failures(tmp_path)
    assert list(before) == ["dim_posts", "dim_users", "dim_stories", "fact_follows"]
    assert command("status") == 0
    status = shown(capsys.readouterr().out)
    assert f"fact_follows has failed since {before['fact_follows'].since}: Spark: [" in status
    assert command("status", "--check") == 1
    capsys.readouterr()

    # A rebuild that could not read its sources removes nothing.
    assert command("rebuild", "bronze_stories") == 1
    assert "is not whole, and nothing was removed: of its files 1" in capsys.readouterr().err
    assert rows_of(lake, "dim_stories")
    kept.rename(lost)

    # A row that breaks a rule stops its job alone; the others are started over one by one.
    broken = {"type": "ContentViewed", "event_id": 1, "occurred_at": 1_700_000_000_000}
    about = {"content_kind": "POST", "content_id": 1, "owner_id": 2, "surface": "FEED"}
    bronze.append([broken | about | {"user_id": None, "dwell_ms": 1}])
    assert command("rebuild", "bronze_follows") == 1
    printed = capsys.readouterr()
    assert "jobs that start over: fact_follows\n" in printed.out
    assert "fact_engagement failed: Spark: [DELTA_NOT_NULL_CONSTRAINT_VIOLATED]" in printed.err
    assert "dim_stories failed" not in printed.err, "its file is there again"
    after = failures(tmp_path)
    assert set(after) == {"dim_posts", "dim_users", "fact_engagement"}
    assert after["dim_users"].since == before["dim_users"].since
    assert after["dim_users"].last > before["dim_users"].last

    # What is left of bronze may also be rewritten, and its old files removed.
    DeltaTable(lake / "bronze_views").delete("user_id IS NULL")
    likes = DeltaTable(lake / "bronze_likes")
    likes.optimize.compact()
    likes.vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert command("rebuild", "--all", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["rebuild"]["tables"] == [
        *("dim_users", "dim_posts", "dim_stories", "fact_engagement", "fact_follows", "dim_date")
    ]
    assert failures(tmp_path) == {}
    left = [e for e in events if e.get("follower_id") != gone]
    made_of(spark, tmp_path / "clean", left, users)
    assert tables(lake) == tables(tmp_path / "clean"), SEED

    # The same facts before and after a rebuild.
    whole = tables(lake)
    assert command("rebuild", "dim_users") == 0
    assert "start over: dim_users, refused_changes, restatement" in capsys.readouterr().out
    assert tables(lake) == whole


@produces("Spark's JVM ended during …")
@pytest.mark.spark
def test_a_jvm_that_is_killed_is_named(tmp_path: Path) -> None:
    lake = tmp_path / "delta"
    Bronze(lake).append(week(users=20, events=100, seed=SEED))
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.cli.main", "lake", "run", "--once"],
        env=os.environ | {"STORYLINE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any(line.startswith("dim_posts batch 0") for line in process.stdout)
        [jvm] = psutil.Process(process.pid).children()
        jvm.kill()
        _, errors = process.communicate(timeout=_PATIENCE_S)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == 1
    assert "storyline: Spark's JVM ended during " in shown(errors)
    assert "nothing is lost" in errors
    assert "Traceback" not in errors
