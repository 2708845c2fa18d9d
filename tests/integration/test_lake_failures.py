"""Jobs that cannot go on: what `lake run` says of each, and how a rebuild starts them over.

One lake is broken in as many ways as there are jobs, so that one start of Spark shows them all.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from streams.app.lake.failures import JobFailure
from streams.app.lake.status import lake_status
from streams.app.settings import Settings
from streams.contracts.arrow import arrow_schema
from streams.contracts.bronze import QUARANTINE_TABLE
from streams.lakehouse.files import data_files
from tests.support.bronze import Bronze, week
from tests.support.lake_command import Command
from tests.support.lake_rows import rows_of
from tests.support.messages import produces, shown
from tests.support.small_lake import ACCOUNTS, EVENTS, SEED, account

ROOT = Path(__file__).parents[2]
STAR = ("dim_users", "dim_posts", "dim_stories", "dim_date", "fact_engagement", "fact_follows")
BREAKS_A_RULE = (
    "nothing of the batch is written; a row of bronze_posts, bronze_likes, bronze_views, "
    "bronze_comments breaks a rule: delete it there"
)
_PATIENCE_S = 600


def newest_file(lake: Path, table: str) -> Path:
    """The data file of the last append."""
    [file, *_] = data_files(DeltaTable(lake / table), lake / table)
    return file.path


def run_process(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.support.quick_storyline", "lake", *arguments],
        cwd=ROOT,
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


@pytest.fixture
def lake(small_lake: Path, tmp_path: Path) -> Path:
    """A copy of the small lake, where `storyline lake` looks for it."""
    return shutil.copytree(small_lake, tmp_path / "delta")


def someone_forgettable(lake: Path) -> int:
    """Return a follower whose follows alone make no user known."""
    known = set(ACCOUNTS)
    for row in rows_of(lake, "fact_engagement"):
        known |= {row["actor_id"], row["owner_id"]}
    follows: dict[int, set[int]] = {}
    for row in rows_of(lake, "fact_follows"):
        follows.setdefault(row["follower_id"], set()).add(row["followee_id"])
    return next(user for user in sorted(follows) if {user, *follows[user]} <= known)


@produces("jobs failed: …", "… has failed since …", "… is not whole, and nothing was removed")
def test_each_job_says_why_it_fails_and_a_rebuild_makes_the_tables_exact_again(
    lake: Path,
    small_lake: Path,
    tmp_path: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = someone_forgettable(lake)
    bronze = Bronze(lake)
    bronze.append(EVENTS[-150:])
    # The person is deleted from bronze, a file vanishes, a table is made again, one is lost.
    DeltaTable(lake / "bronze_follows").delete(f"follower_id = {gone}")
    lost = newest_file(lake, "bronze_stories")
    kept = lost.rename(tmp_path / "kept.parquet")
    shutil.rmtree(lake / "bronze_users_cdc")
    bronze = Bronze(lake)
    bronze.change(account(user) for user in ACCOUNTS)
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
    standing = rows_of(lake, "fact_engagement")
    view = next(event for event in EVENTS if event["type"] == "ContentViewed")
    bronze.append([view | {"event_id": 1}, view | {"event_id": 2, "user_id": None}])
    assert command("rebuild", "bronze_follows") == 1
    printed = capsys.readouterr()
    assert "jobs that start over: fact_follows\n" in printed.out
    assert said_of(printed.err)["fact_engagement"] == (
        "Spark: [DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: "
        "actor_id.",
        f"{BREAKS_A_RULE}, then storyline lake rebuild bronze_posts",
    )
    assert rows_of(lake, "fact_engagement") == standing, "nothing of the batch is written"
    assert "dim_stories failed" not in printed.err, "its file is there again"
    after = failures(tmp_path)
    assert set(after) == {"dim_posts", "dim_users", "fact_engagement"}
    assert after["dim_users"].since == before["dim_users"].since
    assert after["dim_users"].last > before["dim_users"].last

    # What is left of bronze may also be rewritten, and its old files removed.
    DeltaTable(lake / "bronze_views").delete("event_id IN (1, 2)")
    likes = DeltaTable(lake / "bronze_likes")
    likes.optimize.compact()
    likes.vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert command("rebuild", "--all", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["rebuild"]["tables"] == [
        *("dim_users", "dim_posts", "dim_stories", "fact_engagement", "fact_follows", "dim_date")
    ]
    assert failures(tmp_path) == {}
    whole = tables(small_lake)
    left = [row for row in whole["fact_follows"] if row["follower_id"] != gone]
    assert len(left) < len(whole["fact_follows"])
    assert tables(lake) == whole | {"fact_follows": left}, SEED


def test_damage_to_the_star_and_its_checkpoints_is_named_and_a_rebuild_repairs_it(
    lake: Path,
    small_lake: Path,
    tmp_path: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bronze, whole = Bronze(lake), tables(small_lake)
    # A writer that is no job appends a fact again, and adds a rule to a table of the star.
    facts = DeltaTable(lake / "fact_follows").to_pyarrow_table().slice(0, 1)
    write_deltalake(lake / "fact_follows", facts, mode="append")
    [again] = [e for e in EVENTS if [e["event_id"]] == facts["event_id"].to_pylist()]
    rule = {"dwell_below_a_day": "dwell_ms IS NULL OR dwell_ms < 86400000"}
    DeltaTable(lake / "fact_engagement").alter.add_constraint(rule)
    first = {event["type"]: event for event in reversed(EVENTS)}
    view = first["ContentViewed"] | {"event_id": 1, "dwell_ms": 1 << 40}
    bronze.append([again, view, first["PostCreated"]])
    # A checkpoint is cut off, a commit of bronze is removed unread, a file of the star is damaged.
    (lake / "_checkpoints" / "dim_users" / "offsets" / "0").write_bytes(b"")
    for _ in range(2):
        bronze.append([first["StoryCreated"]])
    stories = DeltaTable(lake / "bronze_stories")
    stories.create_checkpoint()
    unread = stories.version() - 1
    (lake / "bronze_stories" / "_delta_log" / f"{unread:020}.json").unlink()
    of_posts = newest_file(lake, "dim_posts")
    of_posts.write_bytes(of_posts.read_bytes()[:50])
    quarantine(lake)

    assert command("run", "--once") == 1
    printed = capsys.readouterr()
    unreadable_posts = (
        "Spark: [FAILED_READ_FILE.NO_HINT] Encountered error while reading file "
        f"file:{of_posts}. (table dim_posts, file {of_posts.name})",
        "start the job over: storyline lake rebuild dim_posts",
    )
    assert said_of(printed.err) == {
        "dim_users": (
            "Spark: Incomplete log file (file _checkpoints/dim_users/offsets/0)",
            "start the job over: storyline lake rebuild bronze_users_cdc",
        ),
        "dim_posts": unreadable_posts,
        "dim_date": unreadable_posts,  # it reads the days of posts
        "dim_stories": (
            "Spark: [DELTA_MISSING_FILES_UNEXPECTED_VERSION] Delta stream cannot resume from "
            f"version {unread}; transaction log starts at {unread + 1}. Log files may have been "
            "deleted by log retention. Restart the stream with a new checkpoint location and "
            "consider increasing delta.logRetentionDuration. To skip missing data instead, set "
            '.option("failOnDataLoss", "false"). (file _checkpoints/dim_stories)',
            "start the job over: storyline lake rebuild bronze_stories",
        ),
        "fact_engagement": (
            "Spark: [DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint dwell_below_a_day "
            "((dwell_ms IS NULL) OR (dwell_ms < 86400000)) violated by row with values:",
            f"{BREAKS_A_RULE}, then storyline lake rebuild bronze_posts",
        ),
        "fact_follows": (
            "rows do not add up: fact_follows, batch 1: 1 rows came in, but 0 facts were inserted "
            "and 0 changed, 2 rows are duplicates, 0 conflicts and 0 no facts",
            "this is a fault of the job, or another writer changed fact_follows; keep the tables "
            "for an examination, then storyline lake rebuild fact_follows",
        ),
    }
    assert "refused_changes batch 1: 1 rows, 1 other" in printed.out, "the other jobs go on"
    assert rows_of(lake, "fact_engagement") == whole["fact_engagement"], "nothing is written"

    read = {
        (job.query, job.source): job.read for job in lake_status(Settings(home=tmp_path)).queries
    }
    assert read["dim_users", "bronze_users_cdc"] is None, "its checkpoint is damaged"
    assert read["fact_follows", "bronze_follows"] is not None

    # What each message advises makes its table exact again.
    assert command("rebuild", "fact_follows") == 1
    assert set(failures(tmp_path)) == {
        *("dim_users", "dim_posts", "dim_date", "dim_stories", "fact_engagement")
    }
    assert rows_of(lake, "fact_follows") == whole["fact_follows"], SEED
    DeltaTable(lake / "bronze_views").delete("event_id = 1")
    assert command("rebuild", "bronze_posts") == 1
    assert set(failures(tmp_path)) == {"dim_users", "dim_stories"}
    assert command("rebuild", "bronze_stories") == 1
    assert set(failures(tmp_path)) == {"dim_users"}
    capsys.readouterr()
    assert command("rebuild", "bronze_users_cdc") == 0
    assert "start over: dim_users, refused_changes, restatement" in capsys.readouterr().out
    assert failures(tmp_path) == {}
    assert tables(lake) == whole, SEED


def quarantine(lake: Path) -> None:
    """Append a record of another topic than the accounts' to the quarantine."""
    row = {"topic": "social.posts.v1", "kafka_partition": 0, "kafka_offset": 1, "append_time": 0}
    reason = {"append_date": 0, "code": "invalid_event", "error": "X", "message": "made up"}
    rows = pa.Table.from_pylist([row | reason], arrow_schema(QUARANTINE_TABLE))
    write_deltalake(lake / "quarantine", rows, mode="append")


def said_of(errors: str) -> dict[str, tuple[str, str]]:
    """Return job -> message and advice, from what `lake run` prints on standard error."""
    found = re.findall(r"^(\w+) failed: (.+)\n  (.+)$", errors, re.MULTILINE)
    return {job: (message, advice) for job, message, advice in found}


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
