"""Lake: the paths of its tables, and how Spark creates and reads them."""

from dataclasses import dataclass
from typing import Final

from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from streams.contracts.tables import Column, Table

PROPERTIES: Final = {
    # Any reader of Delta can read such a table: nothing of it needs a newer protocol.
    "delta.minReaderVersion": "1",
    "delta.enableDeletionVectors": "false",
    "delta.checkpointPolicy": "classic",
    "delta.columnMapping.mode": "none",
}
"""Properties with which every table of the star is created."""


@dataclass(frozen=True, slots=True)
class Lake:
    """Folder of Delta tables, one folder each; `path` is a path or an address that Spark knows."""

    path: str

    def table(self, name: str) -> str:
        """Return the path of a table."""
        return f"{self.path}/{name}"

    def sql_name(self, name: str) -> str:
        """Return a table's name for an SQL text, whatever characters its path has."""
        path = self.table(name).replace("`", "``")
        return f"delta.`{path}`"

    def checkpoint(self, query: str) -> str:
        """Return the folder in which Spark stores how far a query has read."""
        return f"{self.path}/_checkpoints/{query}"


def exists(session: SparkSession, lake: Lake, name: str) -> bool:
    """Return whether the lake has the table."""
    return DeltaTable.isDeltaTable(session, lake.table(name))


def read(session: SparkSession, lake: Lake, name: str) -> DataFrame:
    """Return a table as it is now."""
    return session.read.format("delta").load(lake.table(name))


def create_table(session: SparkSession, lake: Lake, table: Table) -> None:
    """Create the table if it does not exist; leave an existing one as it is.

    A run killed between the table and its constraints leaves the constraints to the next run.
    """
    session.sql(creation(lake, table))
    if table.checks:
        _add_checks(session, lake, table)


def creation(lake: Lake, table: Table) -> str:
    """Return the statement that creates a table of the star."""
    columns = ",\n  ".join(_declared(column) for column in table.columns)
    partitions = ", ".join(table.partitioned_by)
    properties = PROPERTIES | ({"delta.enableChangeDataFeed": "true"} if table.change_feed else {})
    listed = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
    return (
        f"CREATE TABLE IF NOT EXISTS {lake.sql_name(table.name)} (\n  {columns}\n) USING delta\n"
        + (f"PARTITIONED BY ({partitions})\n" if partitions else "")
        + f"COMMENT {_quoted(table.grain)}\nTBLPROPERTIES ({listed})"
    )


def _declared(column: Column) -> str:
    required = "" if column.null else " NOT NULL"
    return f"{column.name} {column.type}{required} COMMENT {_quoted(column.comment)}"


def _add_checks(session: SparkSession, lake: Lake, table: Table) -> None:
    name = lake.sql_name(table.name)
    # By SQL, since the details of a DeltaTable would count all its files.
    properties = session.sql(f"SHOW TBLPROPERTIES {name}").collect()
    present = {row["key"] for row in properties}
    for check, condition in table.checks:
        if f"delta.constraints.{check}" not in present:
            session.sql(f"ALTER TABLE {name} ADD CONSTRAINT {check} CHECK ({condition})")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
