"""A micro-batch of profile changes: CPU seconds of re-deriving and of a plain two-step MERGE.

A snapshot of all users is loaded, then changes of one in ten arrive, three times. `re-derive` is
what the jobs do; `plain` closes the current version and inserts a new one, right only while changes
come once and in order, at most one of a user at a time. CPU is the JVM's.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import psutil
from pyspark.sql import DataFrame, SparkSession

from bench.report import Report
from jobs.dim_users import LOG, process
from jobs.lake import Lake, create_table, read
from jobs.session import Local, local_session
from streams.app.settings import Settings
from streams.contracts.bronze import QUARANTINE_TABLE, USERS_TOPIC, bronze_table
from streams.contracts.tables import DIM_USERS
from streams.stack.artifacts.download import fetch
from streams.stack.artifacts.jars import jars_of
from streams.stack.report import Silent
from streams.stack.servers.java import java

SERVERS: Final = ()
_USERS: Final = {"tiny": 1_000, "small": 200_000, "full": 1_000_000}
_CHANGED: Final = 10
"""One in so many users has a change in a round."""
_ROUNDS: Final = {"tiny": 1, "small": 3, "full": 3}

PLAIN = """
MERGE INTO {target} AS t
USING (
  SELECT user_id AS merge_key, * FROM changed
  UNION ALL
  SELECT NULL AS merge_key, * FROM changed
) AS s
ON t.user_id = s.merge_key AND t.is_current
WHEN MATCHED THEN UPDATE SET t.is_current = false, t.valid_to = s.valid_from
WHEN NOT MATCHED AND s.merge_key IS NULL THEN INSERT ({columns}) VALUES ({values})
"""


def records(spark: SparkSession, op: str, count: int, users: int, lsn: int) -> DataFrame:
    """Rows of the change log: `count` users, spread over all, with a handle not had before."""
    last = f"id = {count - 1}"
    snapshot = f"CASE WHEN {last} THEN 'last' ELSE 'true' END" if op == "r" else "'false'"
    made = spark.range(count).selectExpr(
        "*",
        f"'{op}' AS op",
        f"id * {users // count} + 1 AS user_id",
        f"{lsn} + {0 if op == 'r' else 'id'} AS lsn",
        f"timestamp_seconds(1767225600 + {lsn}) AS committed_at",
        f"{snapshot} AS snapshot",
    )
    after = f"""named_struct(
        'user_id', user_id, 'handle', concat(user_id, '_{lsn}'), 'display_name', 'Somebody',
        'country', substr('DEFRITES', 1 + CAST(user_id % 4 AS INT) * 2, 2),
        'is_private', false, 'account_type', 'personal', 'verified', false,
        'audience_tier', 'regular', 'follower_count', user_id % 1000,
        'created_at', committed_at, 'updated_at', committed_at)"""
    own = {
        "after": after,
        "tx_order": "NULL" if op == "r" else "1",
        "kafka_partition": "user_id % 4",
        "kafka_offset": f"{lsn} + id",
        "append_time": "committed_at",
        "append_date": "CAST(committed_at AS DATE)",
    }
    there = {"op", "user_id", "lsn", "committed_at", "snapshot"}
    return made.selectExpr(
        *(
            f"CAST({own.get(c.name, c.name if c.name in there else 'NULL')} AS {c.type}) {c.name}"
            for c in bronze_table(USERS_TOPIC).columns
        )
    )


def land(lake: Lake, rows: DataFrame) -> None:
    rows.write.format("delta").mode("append").partitionBy("append_date").save(lake.table(LOG))


def plain(lake: Lake, batch: DataFrame) -> None:
    """The newest change of each user closes one version and opens another."""
    row = ", ".join(
        f"after.{name}" if name in bronze_user() else f"{expression(name)} AS {name}"
        for name in DIM_USERS.column_names
    )
    batch.createOrReplaceTempView("batch")
    session = batch.sparkSession
    session.sql(f"SELECT {row} FROM batch").createOrReplaceTempView("changed")  # noqa: S608
    columns = DIM_USERS.column_names
    session.sql(
        PLAIN.format(
            target=lake.sql_name(DIM_USERS.name),
            columns=", ".join(columns),
            values=", ".join(f"s.{column}" for column in columns),
        )
    )


def bronze_user() -> set[str]:
    return {"user_id", *DIM_USERS.column_names[2:9], "follower_count", "created_at"}


def expression(name: str) -> str:
    known = {
        "user_sk": "xxhash64(user_id, lsn)",
        "valid_from": "committed_at",
        "valid_to": "CAST(NULL AS TIMESTAMP)",
        "is_current": "true",
        "source_lsn": "lsn",
        "source_partition": "kafka_partition",
        "source_offset": "kafka_offset",
    }
    return known.get(name, "false")


def _spent(act: Callable[[], object]) -> float:
    """CPU seconds of the JVM."""
    before = _jvm_seconds()
    act()
    return _jvm_seconds() - before


def _jvm_seconds() -> float:
    children = psutil.Process().children()
    return sum(sum(child.cpu_times()[:2]) for child in children)


def run(report: Report, size: str, settings: Settings) -> None:
    cache = settings.cache.expanduser().absolute()
    jars = jars_of("delta")
    fetch(jars, cache, Silent())
    with tempfile.TemporaryDirectory() as folder:
        local = Local(
            java=java(settings.java),
            jars=[jar.path(cache) for jar in jars],
            scratch=Path(folder) / "scratch",
            quick=size == "tiny",
        )
        with local_session(local, app="bench-scd2") as spark:
            _measure(report, spark, Path(folder), _USERS[size], _ROUNDS[size])


def _measure(report: Report, spark: SparkSession, folder: Path, users: int, rounds: int) -> None:
    lakes = {name: Lake(str(folder / name)) for name in ("re-derive", "plain")}
    snapshot = records(spark, "r", users, users, lsn=1_000)
    for name, lake in lakes.items():
        create_table(spark, lake, DIM_USERS)
        create_table(spark, lake, QUARANTINE_TABLE)
        land(lake, snapshot)
        made = _spent(partial(process, read(spark, lake, LOG), 0, lake))
        report.figure(f"{name}: table of {users:,} users made", "CPU s", made)
    spent: dict[str, list[float]] = {name: [] for name in lakes}
    for turn in range(rounds):
        batch = records(spark, "u", users // _CHANGED, users, lsn=10_000_000 * (turn + 1))
        for lake in lakes.values():
            land(lake, batch)
        spent["re-derive"].append(_spent(partial(process, batch, turn, lakes["re-derive"])))
        spent["plain"].append(_spent(partial(plain, lakes["plain"], batch)))
    for name, seconds in spent.items():
        report.figure(name, f"CPU s for {users // _CHANGED:,} changes", *seconds)
    report.ratio("re-derive", "plain", at_most=1)
    rows = {name: read(spark, lake, DIM_USERS.name).count() for name, lake in lakes.items()}
    assert len(set(rows.values())) == 1, rows
