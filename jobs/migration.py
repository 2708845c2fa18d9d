"""Rewrites of tables that an earlier version wrote with timestamps of the type INT96."""

from collections.abc import Sequence

from pyspark.sql import SparkSession

from jobs.lake import Lake, read
from streams.contracts.tables import Table


def rewrite(session: SparkSession, lake: Lake, table: Table, days: Sequence[str]) -> None:
    """Write rows again, in one commit that changes no data, so that no stream reads them again.

    Args:
        days: partitions of the table to write; all rows of a table without partitions if empty.
    """
    rows = read(session, lake, table.name)
    writer = rows.write
    if days:
        [column] = table.partitioned_by
        chosen = f"{column} IN ({', '.join(f'DATE {day!r}' for day in days)})"
        writer = rows.where(chosen).repartition(column).write.option("replaceWhere", chosen)
    writer.format("delta").mode("overwrite").option("dataChange", "false").save(
        lake.table(table.name)
    )
