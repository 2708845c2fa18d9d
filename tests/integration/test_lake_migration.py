"""Instants far from now are the same for every reader, also in tables with INT96 times."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from jobs.dim_date import FIRST, LAST
from jobs.dim_users import REFUSED_CHANGES
from jobs.lake import Lake, create_table
from jobs.micro_batches import run_available
from jobs.run import run_once
from streams.app.lake import migrate
from streams.app.lake import run as lake_app
from streams.app.lake.doctor import examine_lake
from streams.app.lake.status import lake_status
from streams.app.settings import Settings
from streams.contracts.bronze import QUARANTINE_TABLE, USERS_TOPIC, bronze_table
from streams.contracts.tables import DIM_USERS, Table
from streams.sinks.delta.table import create_tables
from tests.oracle.validity import Event
from tests.support.bronze import Bronze
from tests.support.lake_command import Command
from tests.support.lake_rows import rows_of
from tests.support.lakes import write_table
from tests.support.messages import produces, shown

OUTPUT = "spark.sql.parquet.outputTimestampType"
FAR = ("0001-01-01T00:00:00", "1500-02-03T00:00:00", "1677-09-20T23:59:59.999")
FAR_AHEAD = ("2262-04-12T00:00:00", "9999-12-31T23:59:59.999")
NEAR = ("2026-03-02T12:00:00.001",)
DAYS = {date.fromisoformat(text[:10]) for text in (*FAR, *FAR_AHEAD, *NEAR)}


def follow(number: int, text: str) -> Event:
    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    ms = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    fact = {"type": "UserFollowed", "event_id": number, "occurred_at": ms}
    return fact | {"follower_id": number, "followee_id": 7}


def account(user_id: int, created_at: int) -> dict[str, Any]:
    plain = {"handle": f"u{user_id}", "display_name": "U", "is_private": False, "verified": False}
    kind = {"account_type": "personal", "audience_tier": "regular", "follower_count": 1}
    times = {"created_at": created_at, "updated_at": 0}
    return {"user_id": user_id, "country": "DE", **plain, **kind, **times}


def read_everywhere(lake: Path, table: str) -> list[list[dict[str, Any]]]:
    def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(rows, key=lambda row: repr(sorted(row.items())))

    frame = pl.scan_delta(str(lake / table)).collect()
    plain = [
        {name: v.astimezone(UTC) if isinstance(v, datetime) else v for name, v in row.items()}
        for row in frame.to_dicts()
    ]
    exact = [
        {name: v.astimezone(UTC) if isinstance(v, datetime) else v for name, v in row.items()}
        for row in rows_of(lake, table)
    ]
    return [in_order(plain), in_order(exact)]


@produces(
    "times before 1677-09-21 or after 2262-04-11 are misread from …",
    "… most readers misread times …",
)
def test_tables_with_int96_are_found_and_rewritten_without_a_change(
    spark: SparkSession,
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lake = tmp_path / "delta"
    bronze = Bronze(lake)
    events = [follow(number + 1, text) for number, text in enumerate((*FAR, *FAR_AHEAD, *NEAR))]
    bronze.append(events)
    created = -14_828_918_400_000_000  # 1500-02-03
    plain = {"op": "c", "tx_id": 1, "tx_order": 1, "committed_at": 0, "snapshot": "false"}
    # Every user has an account: the facts infer none, and the restatement has nothing to read.
    bronze.change(
        plain | {"user_id": user, "after": account(user, created), "lsn": user}
        for user in (*(event["follower_id"] for event in events), 7)
    )
    spark.conf.set(OUTPUT, "INT96")
    try:
        run_once(spark, Lake(str(lake)))
    finally:
        spark.conf.set(OUTPUT, "TIMESTAMP_MICROS")
    here = Settings(home=tmp_path)
    old = {row.table: row.int96_files for row in lake_status(here).tables if row.int96_files}
    assert old == {"dim_users": old.get("dim_users"), "fact_follows": len(events)}
    [finding] = examine_lake(here)
    assert finding.level == "problem"
    shown(finding.text)
    assert "lake migrate" in finding.advice
    assert command("status") == 0
    status = shown(capsys.readouterr().out)
    assert "misread from dim_users, fact_follows\n  storyline lake migrate" in status

    # Ended after a part, it goes on with what is left.
    monkeypatch.setattr(migrate, "_DAYS", 2)
    rewritten: list[migrate.Rewritten] = []

    def interrupt(done: migrate.Rewritten) -> None:
        rewritten.append(done)
        if done.table == "fact_follows":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate.migrate(here, lake_app.Reporter(), interrupt)
    assert rewritten[-1] == ("fact_follows", 2, len(events), len(events) - 2)
    assert migrate.to_migrate(lake).keys() == {"fact_follows"}
    assert command("migrate") == 0
    assert capsys.readouterr().out.splitlines() == [
        "fact_follows: 2 files rewritten, 2 left",
        "fact_follows: 2 files rewritten, 0 left",
        "rewrote 4 files of 1 tables",
    ]
    assert command("migrate") == 0
    assert capsys.readouterr().out == "nothing to migrate\n"
    assert not [row for row in lake_status(here).tables if row.int96_files]

    polars, exact = read_everywhere(lake, "fact_follows")
    wanted = {(event["event_id"], event["occurred_at"] * 1000) for event in events}
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for rows in (polars, exact):
        found = {
            (row["event_id"], (row["occurred_at"] - epoch) // timedelta(microseconds=1))
            for row in rows
        }
        assert found == wanted
    known = [row for row in rows_of(lake, "dim_users") if row["user_id"] == 7]
    assert [row["created_at"].year for row in known] == [1500]
    versions = {name: DeltaTable(lake / name).version() for name in ("dim_users", "fact_follows")}
    assert command("run", "--once", "--json") == 0
    batches = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert not any(batch["counts"]["rows"] for batch in batches if batch.get("query"))
    after = {name: DeltaTable(lake / name).version() for name in versions}
    assert after == versions, "the rewrite is no change that jobs follow"

    calendar = {row["date"] for row in rows_of(lake, "dim_date")}
    assert calendar >= DAYS, "every day of a fact has a row"
    outside = {day for day in calendar if not FIRST <= day <= LAST}
    assert outside == {day for day in DAYS if not FIRST <= day <= LAST}
    inside = sorted(calendar - outside)
    assert (inside[0], inside[-1]) == (date(2025, 1, 1), date(2027, 12, 31))
    assert len(inside) == 3 * 365


def test_stream_reads_on_after_the_quarantine_gained_its_headers(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Rows before the upgrade that were read, rows before it that were not, and rows after it."""
    lake, read = Lake(str(tmp_path)), Counter[str]()
    columns = (column for column in QUARANTINE_TABLE.columns if column.name != "headers")
    older = replace(QUARANTINE_TABLE, columns=tuple(columns))
    create_tables(tmp_path, (bronze_table(USERS_TOPIC), older))
    create_table(spark, lake, DIM_USERS)

    def refuse(table: Table, offset: int, **values: object) -> None:
        at = {"append_time": offset, "append_date": 0, "kafka_partition": 0}
        row = {"topic": USERS_TOPIC, "kafka_offset": offset, "code": "bad_frame"}
        write_table(tmp_path, table, [at | row | values])

    def run() -> int:
        run_available(
            spark,
            lake,
            REFUSED_CHANGES,
            lambda done: read.update(rows=done.counts.rows),
            lambda: False,
        )
        return read["rows"]

    refuse(older, 1)
    assert run() == 1
    refuse(older, 2)
    create_tables(tmp_path, (QUARANTINE_TABLE,))
    refuse(QUARANTINE_TABLE, 3, headers=[{"name": "h", "value": b"\xff"}])
    assert run() == 3
