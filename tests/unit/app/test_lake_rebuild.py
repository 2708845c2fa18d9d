"""What starts over for which table, what a removal leaves, and how failures are kept."""

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from delta.exceptions.captured import ConcurrentAppendException
from deltalake import DeltaTable, convert_to_deltalake, write_deltalake

from jobs.failures import Failure, Job, _detail, failure_of, words
from jobs.lake import Lake
from jobs.queries import UnbalancedError
from jobs.run import BRONZE_READ
from streams.app.lake import migrate
from streams.app.lake.failures import FailureLog, failures_of
from streams.app.lake.removal import finish_removal, rebuild_of, rebuild_of_all, remove
from streams.app.lake.run import deleted_tables
from streams.app.settings import Settings
from streams.contracts.tables import BRONZE, FACT_FOLLOWS, STAR
from streams.errors import UserError
from streams.lakehouse.files import data_files, int96_files, unreadable
from tests.support.lakes import write_table
from tests.support.messages import produces, shown

USERS = ("dim_users", "refused_changes", "restatement", "fact_engagement", "fact_follows")
NO_TABLE = ("refused_changes", "restatement")
"""Jobs that correct tables which other jobs make."""

JOBS = {
    "bronze_users_cdc": USERS,
    "quarantine": USERS,
    "dim_users": USERS,
    "bronze_posts": ("dim_posts", "fact_engagement"),
    "bronze_stories": ("dim_stories",),
    "bronze_likes": ("fact_engagement",),
    "bronze_views": ("fact_engagement",),
    "bronze_comments": ("fact_engagement",),
    "bronze_follows": ("fact_follows",),
    "dim_posts": ("dim_posts",),
    "dim_stories": ("dim_stories",),
    "fact_engagement": ("fact_engagement",),
    "fact_follows": ("fact_follows",),
    "dim_date": (),
}


@pytest.mark.parametrize("table", JOBS)
def test_jobs_that_read_or_make_a_table_start_over(table: str) -> None:
    rebuild = rebuild_of(table)
    assert rebuild.jobs == JOBS[table]
    made = tuple(job for job in JOBS[table] if job not in NO_TABLE)
    assert rebuild.tables == (made or ("dim_date",))


def test_every_table_that_a_job_touches_can_be_rebuilt() -> None:
    assert JOBS.keys() == {*BRONZE_READ, *(table.name for table in STAR)}
    assert set(rebuild_of_all().tables) == {table.name for table in STAR}
    assert set(rebuild_of_all().sources) == set(BRONZE_READ)


@produces("no job reads …")
@pytest.mark.parametrize("table", sorted({*BRONZE.values()} - set(BRONZE_READ)))
def test_a_table_that_no_job_reads_is_refused(table: str) -> None:
    with pytest.raises(UserError, match=f"no job reads {table}"):
        rebuild_of(table)


@produces("there is no table …")
def test_an_unknown_table_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="there is no table facts") as refused:
        rebuild_of("facts")
    assert "fact_follows" in str(refused.value.hint)


def folders(lake: Path, *names: str) -> None:
    for name in names:
        (lake / name).mkdir(parents=True)
        (lake / name / "file").write_text("x")


def test_an_interrupted_removal_is_completed_and_touches_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ("_checkpoints/fact_follows", "fact_follows")
    kept = ("_checkpoints/dim_posts", "dim_posts", "bronze_follows")
    folders(tmp_path, *gone, *kept)
    monkeypatch.setattr(shutil, "rmtree", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        remove(tmp_path, rebuild_of("bronze_follows"))
    monkeypatch.undo()
    finish_removal(tmp_path)
    assert not [name for name in gone if (tmp_path / name).exists()]
    assert all((tmp_path / name / "file").exists() for name in kept)
    folders(tmp_path, "fact_follows")
    finish_removal(tmp_path)
    assert (tmp_path / "fact_follows").exists(), "what is done is not done again"


def _interrupt(folder: Path) -> None:
    raise KeyboardInterrupt


def test_a_star_table_that_is_gone_without_its_checkpoint_is_named(tmp_path: Path) -> None:
    write_table(tmp_path, FACT_FOLLOWS)
    folders(tmp_path, "_checkpoints/fact_follows/commits", "_checkpoints/dim_posts/commits")
    assert list(deleted_tables(tmp_path)) == []
    (tmp_path / "_checkpoints" / "fact_follows" / "commits" / "0").touch()
    (tmp_path / "_checkpoints" / "restatement" / "commits").mkdir(parents=True)
    (tmp_path / "_checkpoints" / "restatement" / "commits" / "0").touch()
    assert list(deleted_tables(tmp_path)) == []
    shutil.rmtree(tmp_path / "fact_follows")
    [deleted] = deleted_tables(tmp_path)
    assert deleted.job == "fact_follows"
    assert "storyline lake rebuild fact_follows" in deleted.hint


def failure(job: str, message: str = "why") -> Failure:
    return Failure(job, message, "what to do", "stack")


def test_failures_keep_the_time_they_began_until_the_job_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = FailureLog(tmp_path)
    assert log.failed(failure("a")), "it has just begun"
    [first] = failures_of(tmp_path)
    began = first._replace(since="2026-01-01T00:00:00Z", last="2026-01-01T00:00:00Z")
    (tmp_path / "_failures.json").write_text(json.dumps([began._asdict()]))
    log = FailureLog(tmp_path)
    assert not log.failed(failure("a")), "as in the last round"
    assert log.failed(failure("a", "another reason"))
    assert log.failed(failure("b"))
    known = {entry.job: entry for entry in failures_of(tmp_path)}
    assert known["a"].since == "2026-01-01T00:00:00Z"
    assert known["a"].last > known["a"].since
    assert known["a"].message == "another reason"
    assert known["b"].since == known["b"].last
    log.succeeded("a")
    log.succeeded("never failed")
    assert [entry.job for entry in failures_of(tmp_path)] == ["b"]


@produces("… is damaged: …")
def test_a_damaged_list_of_failures_is_named(tmp_path: Path) -> None:
    (tmp_path / "_failures.json").write_text("{")
    with pytest.raises(UserError, match=r"_failures\.json is damaged"):
        failures_of(tmp_path)


@produces("rows do not add up: …")
def test_rows_that_do_not_add_up_say_what_to_rebuild() -> None:
    job = Job("fact_follows", ("bronze_follows",), "fact_follows")
    found = failure_of(job, Lake("/lake"), UnbalancedError("3 rows came in"))
    assert shown(found.message) == "rows do not add up: 3 rows came in"
    assert "another writer changed fact_follows" in found.hint
    assert "storyline lake rebuild fact_follows" in found.hint


FOLLOWS = Job("fact_follows", ("bronze_follows",), "fact_follows")
STREAM = "[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: "
FILE = "append_date=2027-01-15/part-00000-74ed72d2-c000.snappy.parquet"
TEXTS = [
    (
        "DELETE in bronze",
        [
            "{s}[DELTA_SOURCE_TABLE_IGNORE_CHANGES] Detected",
            "[DELTA_SOURCE_TABLE_IGNORE_CHANGES] "
            "Detected a data update (for example DELETE) in the source table at version 2. This is "
            "currently not supported. Set the option. The source table can be found at path "
            "file:/a lake/bronze_follows.",
        ],
        "Spark: [DELTA_SOURCE_TABLE_IGNORE_CHANGES] Detected a data update (for example DELETE) in "
        "the source table at version 2. (table bronze_follows)",
        "start the job over: storyline lake rebuild bronze_follows",
    ),
    (
        "file vacuumed",
        [
            f"[FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading file "
            f"file:/a lake/bronze_follows/{FILE}. File does not exist.\nYou can",
            f"File {FILE}",
        ],
        "Spark: [FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading file "
        f"file:/a lake/bronze_follows/{FILE}. File does not exist. (table bronze_follows, "
        f"file {FILE})",
        "restore the file, or move bronze_follows away and restart the lake worker, which reads "
        "its topic again; then storyline lake rebuild bronze_follows",
    ),
    (
        "file of the star damaged",
        [
            "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file "
            "file:///a%20lake/dim_users/part-0.parquet.  SQLSTATE: KD001",
            "part-0.parquet is not a Parquet file",
        ],
        "Spark: [FAILED_READ_FILE.NO_HINT] Encountered error while reading file "
        "file:///a%20lake/dim_users/part-0.parquet. (table dim_users, file part-0.parquet)",
        "start the job over: storyline lake rebuild dim_users",
    ),
    (
        "commit torn",
        [
            "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:///a lake/"
            "bronze_follows/_delta_log/00000000000000000002.json.  SQLSTATE: KD001",
            "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] Malformed records are detected",
        ],
        "Spark: [FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:///a lake/"
        "bronze_follows/_delta_log/00000000000000000002.json. (table bronze_follows, "
        "file _delta_log/00000000000000000002.json)",
        "restore the file; if it is the newest commit, cut off by a power failure, remove it, then "
        "storyline lake rebuild bronze_follows",
    ),
    (
        "commit lost",
        ["{s}Trying to load a non-existent version 1", "Trying to load a non-existent version 1"],
        "Spark: Trying to load a non-existent version 1",
        "start the job over: storyline lake rebuild bronze_follows",
    ),
    (
        "rule broken",
        [
            "[TASK_WRITE_FAILED] Task failed while writing rows to file:/a lake/fact_follows.",
            "[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint event_type_known violated"
            "\n - event_type : shrug",
        ],
        "Spark: [DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint event_type_known violated "
        "(table fact_follows)",
        "nothing of the batch is written; a row of bronze_follows breaks a rule: delete it there, "
        "then storyline lake rebuild bronze_follows",
    ),
    (
        "checkpoint damaged",
        ["Incomplete log file file:/a lake/_checkpoints/fact_follows/offsets/3"],
        "Spark: Incomplete log file file:/a lake/_checkpoints/fact_follows/offsets/3 "
        "(file _checkpoints/fact_follows/offsets/3)",
        "start the job over: storyline lake rebuild bronze_follows",
    ),
    (
        "offset of a checkpoint damaged",
        [
            "[DELTA_INVALID_SOURCE_OFFSET_FORMAT] The stored source offset format is invalid",
            "file:/a lake/_checkpoints/fact_follows",
        ],
        "Spark: [DELTA_INVALID_SOURCE_OFFSET_FORMAT] The stored source offset format is invalid "
        "(file _checkpoints/fact_follows)",
        "start the job over: storyline lake rebuild bronze_follows",
    ),
    (
        "commit of a checkpoint damaged",
        [
            "[MALFORMED_LOG_FILE] Log file was malformed: failed to read correct log version from "
            "garbage. SQLSTATE: KD002",
            "file:/a lake/_checkpoints/fact_follows/commits/0",
        ],
        "Spark: [MALFORMED_LOG_FILE] Log file was malformed: failed to read correct log version "
        "from garbage. (file _checkpoints/fact_follows/commits/0)",
        "start the job over: storyline lake rebuild bronze_follows",
    ),
    (
        "metadata of a checkpoint damaged",
        ["No content to map due to end-of-input"],
        "Spark: No content to map due to end-of-input",
        "start the job over: storyline lake rebuild bronze_follows",
    ),
    (
        "disk full",
        ["Job aborted", "No space left on device"],
        "Spark: No space left on device",
        "free space; nothing of the batch is written; the next round tries again",
    ),
    (
        "anything else",
        ["[SOME_NEW.CONDITION] It went wrong. SQLSTATE: 12345"],
        "Spark: [SOME_NEW.CONDITION] It went wrong.",
        "nothing of the batch is written; the next round tries again; --debug shows the Java side",
    ),
]
"""As Spark 4.2 with Delta 4.4 words them, shortened."""


@pytest.mark.parametrize(("texts", "message", "hint"), [case[1:] for case in TEXTS])
def test_an_error_of_spark_names_condition_table_file_and_what_to_do(
    texts: list[str], message: str, hint: str
) -> None:
    whole = [text.replace("{s}", STREAM) for text in texts]
    assert words(FOLLOWS, Lake("/a lake"), whole) == (message, hint)


def test_commit_conflict_is_described_with_the_stack_of_java() -> None:
    error = ConcurrentAppendException.__new__(ConcurrentAppendException)  # else it needs a JVM
    error._stackTrace = "at io.delta.X"
    assert _detail(error) == "ConcurrentAppendException: at io.delta.X"


def test_files_of_partitioned_table_have_their_days(tmp_path: Path) -> None:
    days = [date(2026, 3, 1), date(2026, 3, 2)]
    write_deltalake(tmp_path, pa.table({"day": days, "n": [1, 2]}), partition_by=["day"])
    found = {file.day for file in data_files(DeltaTable(tmp_path), tmp_path)}
    assert found == {"2026-03-01", "2026-03-02"}


def test_files_with_int96_are_told_from_others(tmp_path: Path) -> None:
    at = pa.array([datetime(1500, 2, 3, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    rows = pa.table({"at": at, "n": [1]})
    (tmp_path / "old table").mkdir()
    old = tmp_path / "old table" / "part é.parquet"
    pq.write_table(rows, old, use_deprecated_int96_timestamps=True)
    pq.write_table(rows, old.with_name("new.parquet"))
    convert_to_deltalake(str(old.parent))
    table = DeltaTable(old.parent)
    found = list(data_files(table, old.parent))
    assert {file.path for file in found} == {old, old.with_name("new.parquet")}
    assert [file.path for file in int96_files(iter(found))] == [old]
    assert list(unreadable(iter(found))) == []
    old.write_bytes(old.read_bytes()[:100])
    old.with_name("new.parquet").unlink()
    broken = {file.path.name for file, _ in unreadable(iter(found))}
    assert broken == {"part é.parquet", "new.parquet"}


@produces("the lake … has no table …")
def test_a_rebuild_needs_a_whole_source(tmp_path: Path) -> None:
    from streams.app.lake.rebuild import rebuild
    from streams.app.lake.run import Reporter

    with pytest.raises(UserError, match="has no table"):
        rebuild(Settings(lake=tmp_path), rebuild_of("fact_follows"), Reporter())


@produces("… had … rows before the rewrite and has … now")
def test_rewrite_that_loses_rows_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / FACT_FOLLOWS.name
    write_deltalake(folder, pa.table({"n": [1, 2, 3]}))

    def rewrite(*_: object) -> None:
        DeltaTable(folder).delete("n = 2")

    monkeypatch.setattr("jobs.migration.rewrite", rewrite)
    spark = cast("Any", None)
    with pytest.raises(UserError, match="had 3 rows before the rewrite and has 2 now") as lost:
        migrate._migrate(spark, tmp_path, FACT_FOLLOWS, [], print, lambda: False)
    assert "storyline lake rebuild fact_follows" in str(lost.value.hint)
