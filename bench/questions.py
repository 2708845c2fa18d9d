"""Seconds and CPU of every question of `storyline ask`, on a lake of generated facts over 30 days.

DuckDB writes one Parquet file a day, which delta-rs takes as a Delta table. Activity is uneven: a
tenth of the people do a third of everything. One user per 50 facts, a tenth of whom moved once.
Nothing is compared; each question is asked once by a session of its own, with nothing cached.
"""

import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
from deltalake import Schema, convert_to_deltalake, write_deltalake

from bench.report import Report
from streams.app.lake.ask import questions
from streams.app.settings import Settings
from streams.contracts.arrow import arrow_schema
from streams.contracts.tables import (
    DIM_POSTS,
    DIM_STORIES,
    DIM_USERS,
    FACT_ENGAGEMENT,
    FACT_FOLLOWS,
    Table,
)
from streams.lakehouse.answers import run as run_question
from streams.lakehouse.duck import Limits, opened, quoted
from streams.lakehouse.questions import DEFAULTS, Question, duckdb_sql, tables_read

SERVERS: Final = ()
_FACTS: Final = {"tiny": 30_000, "small": 5_000_000, "full": 100_000_000}
_LIMITS: Final = Limits(6144, os.cpu_count() or 1)
DAYS = 30
FACTS = """
WITH drawn AS (
  SELECT
    {first} + i AS event_id,
    make_timestamp({start} + CAST(i * 86400e6 / {rows} AS BIGINT)) AS moment,
    random() AS kind,
    random() < 0.3 AS of_story,
    1 + CAST(floor({users} * pow(random(), 2)) AS BIGINT) AS actor_id,
    1 + CAST(floor({users} * pow(random(), 4)) AS BIGINT) AS owner_id,
    CAST(floor(20 * pow(random(), 3)) AS BIGINT) AS number
  FROM range({rows}) AS t(i)
), typed AS (
  SELECT *, CASE WHEN kind < 0.6 THEN 'view' WHEN kind < 0.86 THEN 'like'
    WHEN kind < 0.89 THEN 'unlike' WHEN of_story THEN 'story_reply'
    WHEN kind < 0.96 THEN 'comment' ELSE 'repost' END AS event_type
  FROM drawn
)
SELECT
  event_id, moment AT TIME ZONE 'UTC' AS occurred_at, event_type,
  CASE WHEN event_type = 'view' THEN 'FEED' END AS surface,
  CASE WHEN of_story THEN 'STORY' ELSE 'POST' END AS content_kind,
  owner_id * 1000 + CASE WHEN of_story THEN 500 ELSE 0 END + number AS content_id,
  CASE WHEN event_type IN ('comment', 'repost', 'story_reply') THEN event_id END AS created_id,
  actor_id,
  actor_id * 2 + CASE WHEN actor_id % 10 = 0 AND {day} >= 15 THEN 1 ELSE 0 END AS actor_sk,
  owner_id, owner_id * 2 AS owner_sk,
  CASE WHEN event_type = 'view' THEN CAST(20000 * random() AS BIGINT) END AS dwell_ms,
  'DE' AS actor_country, 'regular' AS owner_tier
FROM typed ORDER BY event_type, content_id
"""
FOLLOWS = """
WITH drawn AS (
  SELECT
    {first} + i AS event_id,
    make_timestamp({start} + CAST(i * 86400e6 / {rows} AS BIGINT)) AS moment,
    CASE WHEN random() < 0.8 THEN 'follow' ELSE 'unfollow' END AS event_type,
    1 + CAST(floor({users} * pow(random(), 2)) AS BIGINT) AS follower_id,
    1 + CAST(floor({users} * pow(random(), 4)) AS BIGINT) AS followee_id
  FROM range({rows}) AS t(i)
)
SELECT * EXCLUDE (moment), moment AT TIME ZONE 'UTC' AS occurred_at,
  follower_id * 2 AS follower_sk, followee_id * 2 AS followee_sk
FROM drawn
"""
USERS = """
SELECT
  i * 2 + version AS user_sk, i AS user_id, 'user' || i AS handle, 'User ' || i AS display_name,
  ['DE', 'FR', 'US', 'BR', 'IN', 'JP', 'NG', 'SE'][1 + CAST((i + version) % 8 AS INT)] AS country,
  version = 1 OR i % 10 <> 0 AS is_current
FROM range(1, {users} + 1) AS t(i), range(2) AS v(version) WHERE version = 0 OR i % 10 = 0
"""
POSTS = """
SELECT i AS {key}, 1 + CAST(floor({users} * pow(random(), 2)) AS BIGINT) AS author_id,
  DATE '2026-03-02' + CAST(i % {days} AS INT) AS created_date
FROM range({rows}) AS t(i)
"""


def make(lake: Path, facts: int) -> None:
    """The tables that the questions read."""
    users = max(1000, facts // 50)
    with duckdb.connect() as session:
        session.execute("SET TimeZone = 'UTC'")
        _daily(session, lake, FACT_ENGAGEMENT, FACTS, facts // DAYS, users)
        _daily(session, lake, FACT_FOLLOWS, FOLLOWS, facts // DAYS // 10, users)
        _plain(session, lake, DIM_USERS, USERS.format(users=users))
        for table, key, share in ((DIM_POSTS, "post_id", 20), (DIM_STORIES, "story_id", 40)):
            rows = facts // share
            _plain(session, lake, table, POSTS.format(key=key, users=users, rows=rows, days=DAYS))


def _daily(
    session: duckdb.DuckDBPyConnection, lake: Path, table: Table, sql: str, rows: int, users: int
) -> None:
    """One COPY a day into the layout that Delta gives partitions."""
    for day in range(DAYS):
        date, start = session.execute(
            "SELECT CAST(DATE '2026-03-02' + ? AS VARCHAR), epoch_us(DATE '2026-03-02' + ?)",
            [day, day],
        ).fetchall()[0]
        folder = lake / table.name / f"event_date={date}"
        folder.mkdir(parents=True)
        query = sql.format(first=day * rows, start=start, rows=rows, users=users, day=day)
        target = quoted(str(folder / "part-0.parquet"))
        session.execute(f"COPY ({query}) TO {target} (FORMAT parquet, COMPRESSION zstd)")
    schema = arrow_schema(table)
    partition = pa.schema([schema.field(name) for name in table.partitioned_by])
    convert_to_deltalake(
        lake / table.name,
        partition_by=Schema.from_arrow(partition),
        partition_strategy="hive",
    )


def _plain(session: duckdb.DuckDBPyConnection, lake: Path, table: Table, query: str) -> None:
    """A table without partitions, with the columns that the questions read."""
    reader = session.execute(query).to_arrow_reader(100_000)
    wanted = pa.schema([arrow_schema(table).field(name) for name in reader.schema.names])
    cast = (batch.cast(wanted) for batch in reader)
    write_deltalake(lake / table.name, pa.RecordBatchReader.from_batches(wanted, cast))


def _measure(lake: Path, question: Question) -> tuple[float, float]:
    """Seconds of the clock, and of CPU."""
    values = {name: DEFAULTS[name] for name in question.parameters}
    spent, began = _cpu(), time.perf_counter()
    with opened(lake, _LIMITS, tables_read(question)) as session:
        list(run_question(session, duckdb_sql(question), values).rows)
    return time.perf_counter() - began, _cpu() - spent


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(report: Report, size: str, settings: Settings) -> None:  # noqa: ARG001 - needs no server
    with tempfile.TemporaryDirectory(prefix="storyline-bench-") as folder:
        lake, began = Path(folder), time.perf_counter()
        make(lake, _FACTS[size])
        report.figure(f"{_FACTS[size]:,} facts made", "s", time.perf_counter() - began)
        found = {each.name: _measure(lake, each) for each in questions().values()}
        for name, (clock, cpu) in found.items():
            report.figure(name, "s", clock)
            report.figure(f"{name}: CPU", "s", cpu)
        report.figure("each question", "s", *(clock for clock, _ in found.values()))
        report.figure("slowest question", "s", max(clock for clock, _ in found.values()))
        report.goal("slowest question", at_most=5)
        report.goal("each question", at_most=1)
