"""SQL text of the MERGE statements, and how they are run exactly once."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Final

from pyspark.sql import SparkSession

from streams.contracts.tables import Table

_APP_ID: Final = "spark.databricks.delta.write.txnAppId"
_VERSION: Final = "spark.databricks.delta.write.txnVersion"
_QUERY_ID: Final = "sql.streaming.queryId"


def statement(name: str, table: Table, **names: str) -> str:
    """The statement in `<name>.sql`: `{columns}`, `{values}` and `{assignments}` are the table's,
    other placeholders are given by `names`."""
    text = files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    columns = table.column_names
    return text.format(
        columns=", ".join(columns),
        values=", ".join(f"s.{column}" for column in columns),
        assignments=", ".join(f"t.{column} = s.{column}" for column in columns),
        **names,
    )


def query_id(session: SparkSession) -> str | None:
    """The id of the streaming query whose foreachBatch is running; a checkpoint's for life."""
    return session.sparkContext.getLocalProperty(_QUERY_ID)


@contextmanager
def once(session: SparkSession, app_id: str | None, version: int) -> Iterator[None]:
    """Delta writes of the block are skipped if `app_id` has already committed `version`.

    Not more than one write per table: the second would be skipped too. Without `app_id` every
    write counts.
    """
    if app_id is None:
        yield
        return
    try:
        session.conf.set(_APP_ID, app_id)
        session.conf.set(_VERSION, str(version))
        yield
    finally:
        session.conf.unset(_APP_ID)
        session.conf.unset(_VERSION)
