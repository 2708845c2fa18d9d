"""SQL text of the MERGE statements, and a context that runs them exactly once."""

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
    """Return the statement in `<name>.sql` with its placeholders replaced.

    `{columns}`, `{values}` and `{assignments}` follow from the table; `names` has the others.
    """
    text = files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    columns = table.column_names
    return text.format(
        columns=", ".join(columns),
        values=", ".join(f"s.{column}" for column in columns),
        assignments=", ".join(f"t.{column} = s.{column}" for column in columns),
        **names,
    )


def query_id(session: SparkSession) -> str | None:
    """Return the id of the streaming query whose foreachBatch is running, `None` outside of one.

    The id never changes during the life of a checkpoint.
    """
    return session.sparkContext.getLocalProperty(_QUERY_ID)


@contextmanager
def once(session: SparkSession, app_id: str | None, version: int) -> Iterator[None]:
    """Skip Delta writes of the block if `app_id` has already committed `version`.

    Write to each table at most once in a block: a second write would be skipped too. Without
    `app_id` nothing is skipped.
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
