"""The query that keeps dim_users: killed batches and new checkpoints."""

import random
from pathlib import Path
from typing import Any

import pytest
from deltalake import write_deltalake
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from jobs.dim_users import LOG, process
from jobs.lake import Lake, create_table, read
from jobs.run import QUERIES
from jobs.streaming import run_available
from streams.contracts.bronze import lake_tables
from streams.contracts.tables import DIM_USERS, QUARANTINE
from streams.sinks.delta.table import create_tables
from tests.scd2_model import dim_users
from tests.strategies.user_histories import eventful, mangled
from tests.user_tables import (
    all_versions,
    land,
    log_table,
    new_lake,
    refuse,
    refused_table,
    rows_of,
)


def run(spark: SparkSession, lake: Lake, query: str, fails: bool = False) -> list[int]:
    """What has come since, in one micro-batch; returns how many rows it changed."""
    counts: list[int] = []

    def each(batch: DataFrame, batch_id: int) -> None:
        counts.append(process(batch, batch_id, lake))
        if fails:
            raise RuntimeError("killed")

    log = spark.readStream.format("delta").load(lake.table(LOG))
    writer = log.writeStream.foreachBatch(each).trigger(availableNow=True)
    writer.option("checkpointLocation", lake.checkpoint(query)).start().awaitTermination()
    return counts


def version(spark: SparkSession, lake: Lake) -> Any:
    history = spark.sql(f"DESCRIBE HISTORY {lake.sql_name('dim_users')} LIMIT 1").first()
    assert history is not None
    return history["version"]


def table(spark: SparkSession, lake: Lake) -> list[dict[str, Any]]:
    return rows_of(read(spark, lake, "dim_users"))


def test_a_lake_of_an_earlier_release_goes_on_with_the_columns_that_are_new(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Both tables get theirs when the lake worker starts; checkpoints stay."""
    accounts = mangled(random.randrange(1 << 32), 20, 80)
    log, refused = accounts.log, accounts.refused
    lake, half = Lake(str(tmp_path)), len(accounts.log) // 2
    for name, rows, column in (
        (LOG, log_table(log[:half]), "degraded"),
        (QUARANTINE, refused_table([]), "change"),
    ):
        earlier = rows.drop_columns([column])
        write_deltalake(lake.table(name), earlier, partition_by=["append_date"])
    create_table(spark, lake, DIM_USERS)

    def bring_up() -> list[dict[str, Any]]:
        for query in QUERIES[:2]:
            run_available(spark, lake, query, lambda _: None, lambda: False)
        return table(spark, lake)

    assert bring_up() == all_versions(dim_users(log[:half]))
    create_tables(tmp_path, lake_tables())
    land(lake, log[half:])
    assert bring_up() == all_versions(dim_users(log))
    refuse(lake, refused)
    assert bring_up() == all_versions(dim_users(log, refused=refused))


def test_a_batch_killed_after_its_merge_changes_nothing_more(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Nor does a query that begins anew with a checkpoint of its own, whose ids start at 0."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    log = eventful(seed, 20, 60).log
    lake = new_lake(spark, tmp_path)
    land(lake, log[: len(log) // 2])
    with pytest.raises(StreamingQueryException):
        run(spark, lake, "users", fails=True)
    made = version(spark, lake)
    run(spark, lake, "users")
    assert version(spark, lake) == made
    land(lake, log[len(log) // 2 :])
    run(spark, lake, "users")
    assert table(spark, lake) == all_versions(dim_users(log))
    made = version(spark, lake)
    assert run(spark, lake, "again") == [0]
    assert version(spark, lake) == made
    for name in ("txnAppId", "txnVersion"):
        assert spark.conf.get(f"spark.databricks.delta.write.{name}", None) is None
