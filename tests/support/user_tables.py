"""The change log and dim_users as Arrow tables: how tests feed Spark and what they compare."""

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
from deltalake import write_deltalake
from pyspark.sql import DataFrame, SparkSession

from jobs.lake import Lake, create_table
from jobs.transforms.user_changes import REFUSED
from streams.contracts.arrow import arrow_schema
from streams.contracts.bronze import QUARANTINE_TABLE, USERS_TOPIC, bronze_table
from streams.contracts.tables import DIM_USERS, USER, Column
from tests.oracle.dim_users import Change, Refused, Row

_TYPES: Final = {
    "BIGINT": pa.int64(),
    "INT": pa.int32(),
    "STRING": pa.string(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "DATE": pa.date32(),
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400_000_000


def _type(column: Column) -> pa.DataType:
    if column.type.startswith("STRUCT"):
        return pa.struct([pa.field(inner.name, _type(inner)) for inner in USER])
    return _TYPES[column.type]


LOG_SCHEMA: Final = pa.schema(
    [pa.field(column.name, _type(column)) for column in bronze_table(USERS_TOPIC).columns]
)
"""bronze_users_cdc."""


def log_table(log: Iterable[Change]) -> pa.Table:
    return pa.Table.from_pylist([_landed(change) for change in log], schema=LOG_SCHEMA)


def log_frame(spark: SparkSession, log: Iterable[Change]) -> DataFrame:
    return spark.createDataFrame(log_table(log))


def refused_table(refused: Iterable[Refused]) -> pa.Table:
    """Rows of the quarantine."""
    rows = [
        {
            "topic": USERS_TOPIC,
            "kafka_partition": 0,
            "kafka_offset": offset,
            "append_time": lost.came,
            "append_date": lost.came // _DAY,
            "code": "invalid_event",
            "error": "ChangeError",
            "message": "made up",
            "change": {
                "user_id": lost.user_id,
                "op": lost.op,
                "lsn": lost.lsn,
                "snapshot": lost.snapshot,
                "committed_at": lost.committed_at,
            },
        }
        for offset, lost in enumerate(refused)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(QUARANTINE_TABLE))


def refused_frame(spark: SparkSession, refused: Iterable[Refused]) -> DataFrame:
    """Refused changes as the jobs read them from the quarantine."""
    found = spark.createDataFrame(refused_table(refused))
    return found.select("append_time", "change.*").select(*REFUSED)


def users_frame(spark: SparkSession, users: Iterable[int]) -> DataFrame:
    """A DataFrame of user_id."""
    return spark.createDataFrame(pa.table({"user_id": pa.array(users, pa.int64())}))


def versions_frame(spark: SparkSession, table: Mapping[int, Sequence[Row]]) -> DataFrame:
    """The model's table as rows of dim_users."""
    schema = pa.schema([pa.field(column.name, _type(column)) for column in DIM_USERS.columns])
    return spark.createDataFrame(pa.Table.from_pylist(all_versions(table), schema=schema))


def land(lake: Lake, log: Iterable[Change]) -> None:
    """Append records to bronze_users_cdc as the lake agent does."""
    write_deltalake(
        lake.table("bronze_users_cdc"),
        log_table(log),
        mode="append",
        partition_by=["append_date"],
    )


def refuse(lake: Lake, refused: Iterable[Refused]) -> None:
    """Append records to the quarantine."""
    write_deltalake(
        lake.table("quarantine"),
        refused_table(refused),
        mode="append",
        partition_by=["append_date"],
    )


def new_lake(spark: SparkSession, path: Any) -> Lake:
    """A lake with an empty change log, an empty quarantine, and an empty dim_users."""
    lake = Lake(str(path))
    land(lake, [])
    refuse(lake, [])
    create_table(spark, lake, DIM_USERS)
    return lake


def rows_of(versions: DataFrame) -> list[dict[str, Any]]:
    """Every row of dim_users with times in µs since the Unix epoch, in an order of their own."""
    assert tuple(versions.columns) == DIM_USERS.column_names
    rows = versions.toArrow().to_pylist()
    return in_order({name: _micros(value) for name, value in row.items()} for row in rows)


def in_order(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return sorted(map(dict, rows), key=lambda row: (row["user_id"], row["user_sk"]))


def all_versions(table: Mapping[int, Sequence[Row]]) -> list[dict[str, Any]]:
    """The model's table in the same order."""
    return in_order(version for versions in table.values() for version in versions)


def cut(log: Sequence[Change], pieces: int, draw: random.Random) -> list[list[Change]]:
    """The records shuffled and cut anywhere."""
    shuffled = draw.sample(log, len(log))
    edges = [0, *sorted(draw.sample(range(len(log)), pieces - 1)), len(log)]
    return [shuffled[a:b] for a, b in itertools.pairwise(edges)]


def _micros(value: Any) -> Any:
    return (value - _EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value


def _landed(change: Change) -> dict[str, Any]:
    appended = 1_770_000_000_000_000 + change.offset if change.came is None else change.came
    before = {"user_id": change.user_id, "handle": ""} if change.whole else None
    return {
        "before": before,
        "old_key": change.old_key,
        "op": change.op,
        "user_id": change.user_id,
        "after": change.after,
        "lsn": change.lsn,
        "tx_id": change.lsn,
        "tx_order": change.tx_order,
        "committed_at": change.committed_at,
        "snapshot": None if change.op == "tombstone" else change.snapshot,
        "schema_id": None if change.op == "tombstone" else 1,
        "kafka_partition": change.partition,
        "kafka_offset": change.offset,
        "append_time": appended,
        "append_date": appended // _DAY,
    }
