"""The query that keeps dim_users: killed batches and new checkpoints."""

import random
from pathlib import Path
from typing import Any

import pytest
from delta import DeltaTable
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from jobs.dim_users import LOG, process
from jobs.lake import Lake, read
from tests.oracle.dim_users import dim_users
from tests.strategies.user_histories import eventful
from tests.support.user_tables import all_versions, land, new_lake, rows_of


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
    [newest] = DeltaTable.forPath(spark, lake.table("dim_users")).history(1).collect()
    return newest["version"]


def table(spark: SparkSession, lake: Lake) -> list[dict[str, Any]]:
    return rows_of(read(spark, lake, "dim_users"))


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
