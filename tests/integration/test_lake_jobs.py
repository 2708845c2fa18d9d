"""The jobs over bronze tables made from events: facts, restatement, replay, dirt, bad rows."""

import random
import shutil
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from jobs.lake import Lake
from jobs.micro_batches import BatchDone
from jobs.queries import BatchCounts
from jobs.run import run_once
from streams.contracts.tables import STAR as TABLES
from tests.oracle import content
from tests.oracle.lake_facts import engagement, follows
from tests.oracle.validity import DAY_MS, Event
from tests.support.bronze import Bronze, week
from tests.support.lake_rows import counted, rows_of

SEED = 4711
START = 1_700_000_000_000
FACTS = ("fact_engagement", "fact_follows")
STAR = (*FACTS, "dim_users", "dim_posts", "dim_stories", "dim_date")


def contested_week() -> list[Event]:
    """A generated week, and creates of ids that others hold."""
    events = week(users=60, events=1500, seed=SEED, start=START, oddities=0.02)
    reposts = [e for e in events if e["type"] == "PostCreated" and e["repost_of"]]
    comments = [e for e in events if e["type"] == "CommentCreated"]
    smaller, larger = -(1 << 23), 1 << 23
    for number, (repost, comment) in enumerate(zip(reposts[:8], comments[:8], strict=True)):
        by = smaller if number % 2 else larger
        plain = {"repost_of": None, "repost_of_author": None} if number % 4 < 2 else {}
        events.append(repost | plain | {"event_id": repost["event_id"] + by})
        events.append(comment | {"event_id": comment["event_id"] + by, "text": "mine"})
    return events


def ran(spark: SparkSession, path: Path) -> dict[str, BatchCounts]:
    """Run everything; what became of the rows, per query."""
    told: dict[str, Counter[str]] = {}

    def note(done: BatchDone) -> None:
        told.setdefault(done.query, Counter()).update(asdict(done.counts))

    run_once(spark, Lake(str(path)), note)
    return {query: BatchCounts(**({"rows": 0} | counts)) for query, counts in told.items()}


def ms(instant: datetime | None) -> int | None:
    return None if instant is None else round(instant.timestamp() * 1000)


def assert_content(lake: Path, table: str, key: str, want: dict[int, dict[str, Any]]) -> None:
    rows = {row[key]: row for row in rows_of(lake, table)}
    shown = {
        k: {f: ms(rows[k][f]) if isinstance(rows[k][f], datetime) else rows[k][f] for f in want[k]}
        for k in rows
    }
    assert shown == want


def test_every_event_is_a_fact_once_in_any_order(spark: SparkSession, tmp_path: Path) -> None:
    events, rng = contested_week(), random.Random(SEED)
    rng.shuffle(events)
    bronze, half = Bronze(tmp_path), len(events) // 2
    bronze.append(events[:half] + events[:50])
    first = ran(spark, tmp_path)
    bronze.append(events[half - 100 :] + events[half:][:80])
    second = ran(spark, tmp_path)
    for table, oracle in zip(FACTS, (engagement, follows), strict=True):
        assert counted(tmp_path, table) == oracle(events), SEED
        rows = rows_of(tmp_path, table)
        assert len({row["event_id"] for row in rows}) == len(rows)
    assert second["fact_engagement"].duplicates
    assert second["fact_engagement"].conflicts
    assert second["fact_engagement"].changed, "a smaller event id came second"
    assert first["fact_follows"].duplicates
    assert_content(tmp_path, "dim_posts", "post_id", content.posts(events))
    assert_content(tmp_path, "dim_stories", "story_id", content.stories(events))
    known = {row["user_sk"]: row["user_id"] for row in rows_of(tmp_path, "dim_users")}
    for row in rows_of(tmp_path, "fact_engagement"):
        assert known[row["actor_sk"]] == row["actor_id"]
        assert row["owner_id"] is None or known[row["owner_sk"]] == row["owner_id"]

    before = {table: rows_of(tmp_path, table) for table in STAR}
    dirty(tmp_path / "fact_engagement")
    forget_last_batch(tmp_path)
    again = ran(spark, tmp_path)
    assert again["fact_engagement"].inserted == again["fact_follows"].inserted == 0
    assert {table: rows_of(tmp_path, table) for table in STAR} == before


def dirty(table: Path) -> None:
    """What a writer that was killed leaves: files that no commit names."""
    day = next(path for path in table.iterdir() if path.name.startswith("event_date="))
    file = next(day.glob("*.parquet"))
    shutil.copy(file, day / "part-00000-half-written.parquet")
    (day / "part-00001-cut.parquet").write_bytes(file.read_bytes()[:100])
    (table / "_delta_log" / ".00000000000000000099.json.tmp").touch()


def forget_last_batch(lake: Path) -> None:
    """As if killed after the tables were written and before Spark noted it."""
    for commits in (lake / "_checkpoints").glob("*/commits"):
        last = max((path for path in commits.glob("[0-9]*")), key=lambda path: int(path.name))
        last.unlink()
        last.with_name(f".{last.name}.crc").unlink(missing_ok=True)


def user(user_id: int, country: str, tier: str = "regular") -> dict[str, Any]:
    plain = {"handle": f"u{user_id}", "display_name": "U", "is_private": False, "verified": False}
    times = {"created_at": START * 1000, "updated_at": START * 1000}
    kind = {"account_type": "personal", "audience_tier": tier, "follower_count": 1}
    return {"user_id": user_id, "country": country, **plain, **kind, **times}


def change(op: str, lsn: int, at_ms: int, after: dict[str, Any]) -> dict[str, Any]:
    told = {"op": op, "user_id": after["user_id"], "after": after, "lsn": lsn, "tx_id": lsn}
    return told | {"tx_order": 1, "committed_at": at_ms * 1000, "snapshot": "false"}


def view(number: int, at: int, actor: int, owner: int) -> Event:
    about = {"content_kind": "POST", "content_id": 77, "owner_id": owner, "surface": "FEED"}
    told = {"type": "ContentViewed", "event_id": number, "occurred_at": at, "user_id": actor}
    return told | about | {"dwell_ms": 1 << 40}


def test_facts_follow_what_becomes_known_of_their_users(
    spark: SparkSession, tmp_path: Path
) -> None:
    bronze = Bronze(tmp_path)
    days = [START + number * DAY_MS for number in range(4)]
    bronze.append(view(number + 1, at, actor=1, owner=2) for number, at in enumerate(days))
    ran(spark, tmp_path)
    assert attributes(tmp_path) == [(None, None)] * 4
    inferred = keys(tmp_path)

    bronze.change(
        [
            change("c", 10, days[0] - 5, user(1, "IS")),
            change("u", 30, days[2], user(1, "NO")),
            change("c", 40, days[3] - 1, user(2, "DE", "popular")),
            change("u", 41, days[3] + 1, user(2, "DE", "celebrity")),
        ]
    )
    ran(spark, tmp_path)
    assert attributes(tmp_path) == [(country, "popular") for country in ("IS", "IS", "NO", "NO")]
    assert keys(tmp_path)[0] == inferred[0], "an inferred user keeps the key"

    files = day_files(tmp_path)
    bronze.change([change("u", 20, days[1], user(1, "SE"))])  # late, between the two
    counts = ran(spark, tmp_path)
    countries = [country for country, _ in attributes(tmp_path)]
    assert countries == ["IS", "SE", "NO", "NO"]
    of_users = {row["user_sk"]: row["country"] for row in rows_of(tmp_path, "dim_users")}
    assert [of_users[key] for key in keys(tmp_path)] == countries
    assert counts["restatement"].changed == 1
    written = {day for day, names in day_files(tmp_path).items() if names != files[day]}
    assert written == {day_of(days[1])}, "other days are left alone"


def _facts(lake: Path) -> list[dict[str, Any]]:
    return sorted(rows_of(lake, "fact_engagement"), key=lambda row: row["event_id"])


def attributes(lake: Path) -> list[tuple[str | None, str | None]]:
    return [(row["actor_country"], row["owner_tier"]) for row in _facts(lake)]


def keys(lake: Path) -> list[int]:
    return [row["actor_sk"] for row in _facts(lake)]


def day_of(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


def day_files(lake: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for uri in DeltaTable(lake / "fact_engagement").file_uris():
        day, name = uri.rsplit("/", 2)[-2:]
        found.setdefault(day.removeprefix("event_date="), set()).add(name)
    return found


CHECKS = [
    ("fact_engagement", "event_type_known", {"event_type": "'shrug'"}),
    ("fact_engagement", "owner_has_a_version", {"owner_sk": "NULL"}),
    ("fact_engagement", "owner_has_a_version", {"owner_id": "NULL"}),
    ("fact_follows", "event_type_known", {"event_type": "'like'"}),
]


def test_no_writer_gets_past_a_check(spark: SparkSession, small_lake: Path, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    for name in FACTS:
        shutil.copytree(small_lake / name, tmp_path / name)
    for name, check, broken in CHECKS:
        before, table = rows_of(tmp_path, name), lake.sql_name(name)
        assert before, name
        columns = ", ".join(f"{value} AS {column}" for column, value in broken.items())
        row = f"SELECT * EXCEPT ({', '.join(broken)}), {columns} FROM {table}"  # noqa: S608
        with pytest.raises((PySparkException, Py4JError)) as failure:
            spark.sql(f"INSERT INTO {table} BY NAME {row}")
        assert check in str(failure.value)
        assert rows_of(tmp_path, name) == before


def test_every_check_is_tried() -> None:
    declared = {(table.name, check) for table in TABLES for check, _ in table.checks}
    assert declared == {(table, check) for table, check, _ in CHECKS}
