"""Any reader of Delta sees the same values: tables made by Spark, and those made by delta-rs."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, QueryBuilder
from pyspark.sql import SparkSession

from jobs.lake import Lake, create_table, read
from streams.contracts.arrow import arrow_schema
from streams.contracts.bronze import lake_tables
from streams.contracts.tables import (
    FACT_ENGAGEMENT,
    FACT_FOLLOWS,
    HEADERS,
    STAR,
    Column,
    Table,
)
from streams.lakehouse.answers import run
from streams.lakehouse.duck import Limits, opened
from tests.support.lakes import write_table

ROWS = 60
DAYS = 3

Rows = list[dict[str, Any]]
Reader = Callable[[Path, Table], Rows]


def random_rows(table: Table, seed: int) -> Rows:
    print(f"seed of {table.name}: {seed}")
    draw = random.Random(seed)
    times = [*EXTREMES, *[None] * (ROWS - len(EXTREMES))]
    return [
        {column.name: value_of(column, draw, extreme) for column in table.columns}
        for extreme in times
    ]


EXTREMES = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1500, 2, 3, tzinfo=UTC),
    datetime(1582, 10, 10, 1, 2, 3, 4, tzinfo=UTC),  # a day that the Julian calendar skipped
    datetime(1677, 9, 20, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2262, 4, 12, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
"""Instants that some calendar or some unit of time cannot represent."""


def value_of(column: Column, draw: random.Random, extreme: datetime | None = None) -> Any:
    """Return a value of the type, or null where it may be; a time is `extreme` if given."""
    if extreme is not None and column.type in ("TIMESTAMP", "DATE"):
        return extreme if column.type == "TIMESTAMP" else extreme.date()
    if column.null and extreme is None and draw.random() < 0.3:
        return None
    match column.type:
        case "BIGINT":
            return draw.randint(-(2**63), 2**63 - 1)
        case "INT":
            return draw.randint(-(2**31), 2**31 - 1)
        case "DOUBLE":
            return draw.random() * 10 ** draw.randint(-9, 9)
        case "BOOLEAN":
            return draw.random() < 0.5
        case "STRING":
            return draw.choice(("", "plain", "größer 🎈", "a 'quote'", 'a "quote"', "null", " "))
        case "BINARY":
            return draw.randbytes(draw.randint(0, 9))
        case "DATE":
            return date(2026, 2, 28) + timedelta(days=draw.randrange(DAYS))
        case "TIMESTAMP":
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=draw.randrange(2**51))
        case "ARRAY<STRING>":
            return [draw.choice(("", "tag", "Ünï")) for _ in range(draw.randint(0, 3))]
        case kind if kind == HEADERS:
            names = [draw.choice(("", "trace", "Ünï")) for _ in range(draw.randint(0, 3))]
            return [{"name": name, "value": draw.choice((None, b"", b"\0\xff"))} for name in names]
        case struct:
            fields = struct.removeprefix("STRUCT<").removesuffix(">").split(", ")
            inner = (field.split(" ", 1) for field in fields)
            return {name: value_of(Column(name, kind, ""), draw, extreme) for name, kind in inner}


def duckdb_rows(lake: Path, table: Table) -> Rows:
    with opened(lake, Limits(threads=1), [table.name]) as session:
        answer = run(session, f'FROM "{table.name}"')
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def polars_rows(lake: Path, table: Table) -> Rows:
    return pl.scan_delta(str(lake / table.name)).collect().to_dicts()


def delta_rs_rows(lake: Path, table: Table) -> Rows:
    found: Rows = DeltaTable(lake / table.name).to_pyarrow_table().to_pylist()
    return found


def query_builder_rows(lake: Path, table: Table) -> Rows:
    builder = QueryBuilder().register("asked", DeltaTable(lake / table.name))
    found: Rows = pa.table(builder.execute("SELECT * FROM asked").read_all()).to_pylist()
    return found


READERS = (duckdb_rows, polars_rows, delta_rs_rows, query_builder_rows)


def in_order(rows: Rows) -> list[str]:
    return sorted(repr(sorted(same_form(row).items())) for row in rows)


def same_form(value: Any) -> Any:
    """Readers name UTC by time zones of different classes."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, dict):
        return {name: same_form(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [same_form(inner) for inner in value]
    return value


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("table", lake_tables(), ids=lambda table: table.name)
def test_what_delta_rs_wrote_reads_the_same(tmp_path: Path, table: Table, reader: Reader) -> None:
    rows = random_rows(table, seed=len(table.name))
    write_table(tmp_path, table, rows[: ROWS // 2])
    write_table(tmp_path, table, rows[ROWS // 2 :])
    assert in_order(reader(tmp_path, table)) == in_order(rows)


@pytest.mark.parametrize("table", lake_tables(), ids=lambda table: table.name)
def test_a_table_without_rows_has_its_columns(tmp_path: Path, table: Table) -> None:
    write_table(tmp_path, table)
    assert [reader(tmp_path, table) for reader in READERS] == [[]] * len(READERS)
    with opened(tmp_path, Limits(), [table.name]) as session:
        assert run(session, f'FROM "{table.name}"').columns == table.column_names


@pytest.fixture(scope="module")
def made_by_spark(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Rows]]:
    """The star as the jobs create it, each table written in two commits, its rows beside it."""
    path = tmp_path_factory.mktemp("star")
    lake = Lake(str(path))
    written = {}
    for table in STAR:
        rows = valid(table, random_rows(table, seed=len(table.name)))
        create_table(spark, lake, table)
        for half in (rows[: ROWS // 2], rows[ROWS // 2 :]):
            arrow = pa.Table.from_pylist(half, schema=arrow_schema(table))
            frame = spark.createDataFrame(arrow)
            frame.write.format("delta").mode("append").save(lake.table(table.name))
        written[table.name] = rows
    return path, written


def valid(table: Table, rows: Rows) -> Rows:
    """Rows that keep to the table's constraints."""
    for row in rows:
        if table is FACT_FOLLOWS:
            row["event_type"] = "follow"
        if table is FACT_ENGAGEMENT:
            row["event_type"] = "view" if row["created_id"] is None else "comment"
            row["owner_sk"] = None if row["owner_id"] is None else 1
    return rows


def spark_rows(spark: SparkSession, lake: Path, table: Table) -> Rows:
    found: Rows = read(spark, Lake(str(lake)), table.name).toArrow().to_pylist()
    return found


def test_spark_reads_the_same_from_what_spark_and_delta_rs_wrote(
    spark: SparkSession, made_by_spark: tuple[Path, dict[str, Rows]], tmp_path: Path
) -> None:
    path, written = made_by_spark
    for table in STAR:
        assert in_order(spark_rows(spark, path, table)) == in_order(written[table.name]), table.name
    for table in lake_tables():
        rows = random_rows(table, seed=len(table.name))
        write_table(tmp_path, table, rows)
        assert in_order(spark_rows(spark, tmp_path, table)) == in_order(rows), table.name


@pytest.mark.parametrize("instant", EXTREMES, ids=lambda instant: str(instant.date()))
def test_statistics_hide_no_extreme_instant(
    spark: SparkSession, made_by_spark: tuple[Path, dict[str, Rows]], instant: datetime
) -> None:
    path, _ = made_by_spark
    table = path / FACT_FOLLOWS.name
    text = instant.isoformat(sep=" ").rjust(len("0001-01-01 00:00:00+00:00"), "0")
    condition = f"occurred_at = TIMESTAMP '{text}' AND event_date = DATE '{text[:10]}'"
    frame = read(spark, Lake(str(path)), FACT_FOLLOWS.name).where(condition)
    with opened(path, Limits(threads=1), [FACT_FOLLOWS.name]) as session:
        sql = condition.replace("TIMESTAMP", "TIMESTAMPTZ")
        found = session.execute(f"FROM fact_follows WHERE {sql}").fetchall()
    at = pl.col("occurred_at") == instant
    dataset = DeltaTable(table).to_pyarrow_dataset()
    chosen = dataset.to_table(filter=ds.field("occurred_at") == pa.scalar(instant))
    assert (
        frame.count(),
        len(found),
        pl.scan_delta(str(table)).filter(at).collect().height,
        pl.scan_delta(str(table), use_pyarrow=True).filter(at).collect().height,
        chosen.num_rows,
    ) == (1, 1, 1, 1, 1)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("table", STAR, ids=lambda table: table.name)
def test_what_spark_wrote_reads_the_same(
    made_by_spark: tuple[Path, dict[str, Rows]], table: Table, reader: Reader
) -> None:
    path, written = made_by_spark
    assert in_order(reader(path, table)) == in_order(written[table.name])
