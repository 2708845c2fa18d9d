"""Update of a content dimension: all that a batch touches is derived again from all its events."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql.functions import col, count, lit

from jobs.lake import Lake, read
from jobs.merges import once, query_id, statement
from jobs.queries import BatchCounts
from streams.contracts.tables import Table

FILES: Final = 32
"""Files of the bronze table in one batch, at most."""

_VIEW: Final = "content_rows"


@dataclass(frozen=True, slots=True)
class ContentDimension:
    """Type 1 dimension, one row per `key`."""

    table: Table
    key: str
    bronze: str
    fold: Callable[[DataFrame], DataFrame]
    """Function from all events of some content to its rows."""


def update(content: ContentDimension, batch: DataFrame, batch_id: int, lake: Lake) -> BatchCounts:
    """Bring the rows of the content that a batch touches up to the log. For foreachBatch.

    Order and repetition do not matter: the rows follow from all of bronze, not from the batch.
    """
    session, key = batch.sparkSession, content.key
    touched = batch.groupBy(key).agg(count(lit(1)).alias("rows")).persist()
    try:
        [summary] = touched.selectExpr(
            "coalesce(sum(rows), 0) AS rows", f"min({key}) AS first", f"max({key}) AS last"
        ).collect()
        if summary["first"] is None:
            return BatchCounts(rows=summary["rows"])
        everything = read(session, lake, content.bronze)
        events = everything.where(col(key).between(summary["first"], summary["last"])).join(
            touched.select(key), key, "left_semi"
        )
        content.fold(events).createOrReplaceTempView(_VIEW)
        text = statement(
            "content",
            content.table,
            target=lake.sql_name(content.table.name),
            rows=_VIEW,
            key=key,
            first=str(summary["first"]),
            last=str(summary["last"]),
            same=" AND ".join(f"t.{name} <=> s.{name}" for name in content.table.column_names),
        )
        with once(session, query_id(session), batch_id):
            merged = session.sql(text).collect()
        inserted = sum(row["num_inserted_rows"] for row in merged)
        changed = sum(row["num_updated_rows"] for row in merged)
        return BatchCounts(rows=summary["rows"], inserted=inserted, changed=changed)
    finally:
        touched.unpersist()
        session.catalog.dropTempView(_VIEW)
