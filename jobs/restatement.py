"""Restatement of facts whose users' versions were not those known when the facts were loaded.

`dim_users` has a feed of its own changes; this query follows it. A late change splits a version, or
a user that was inferred becomes known: the facts from then on get the key and attributes that they
would get if they were loaded now. Other facts, and other days, are not written.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count, lit, when
from pyspark.sql.functions import max as largest
from pyspark.sql.functions import min as smallest

from jobs.fact_engagement import ENGAGEMENT
from jobs.fact_follows import FOLLOWS
from jobs.facts import Facts, literals
from jobs.lake import Lake, read
from jobs.merges import once, query_id, statement
from jobs.queries import BatchCounts, Query
from jobs.transforms.asof import affected
from streams.contracts.tables import DIM_USERS

FACTS: Final[Sequence[Facts]] = (ENGAGEMENT, FOLLOWS)
_VIEW: Final = "restated_facts"
_ATTRIBUTES: Final = tuple(
    dict.fromkeys(
        source for facts in FACTS for role in facts.roles for source in role.attributes.values()
    )
)


def stream(session: SparkSession, lake: Lake) -> DataFrame:
    """Return what each commit changed in dim_users, from its first commit on."""
    return (
        session.readStream.format("delta")
        .option("readChangeFeed", "true")
        .option("startingVersion", "0")
        .load(lake.table(DIM_USERS.name))
        .select("user_id", "is_inferred", "_change_type", "_commit_version")
    )


def process(batch: DataFrame, batch_id: int, lake: Lake) -> BatchCounts:
    """Restate the facts that a batch of changes concerns. For foreachBatch."""
    session = batch.sparkSession
    # A user met for the first time had no facts before.
    concerns = ~((col("_change_type") == "insert") & col("is_inferred"))
    [summary] = batch.agg(
        count(lit(1)).alias("rows"),
        smallest(when(concerns, col("_commit_version"))).alias("first"),
        largest(when(concerns, col("_commit_version"))).alias("last"),
    ).collect()
    if summary["first"] is None:
        return BatchCounts(rows=summary["rows"], other=summary["rows"])
    users = batch.where(concerns).select("user_id").distinct().persist()
    since = _since(session, lake, users, summary["first"], summary["last"]).persist()
    try:
        changed = 0
        if not since.isEmpty():
            changed = sum(_restate(facts, session, lake, since, batch_id) for facts in FACTS)
        return BatchCounts(rows=summary["rows"], changed=changed)
    finally:
        since.unpersist()
        users.unpersist()


def _since(session: SparkSession, lake: Lake, users: DataFrame, first: int, last: int) -> DataFrame:
    """Return (user_id, since) of the users whose facts may now have another key or attribute."""

    def state(version: int) -> DataFrame:
        reader = session.read.format("delta").option("versionAsOf", version)
        return reader.load(lake.table(DIM_USERS.name)).join(users, "user_id", "left_semi")

    return affected(state(first - 1), state(last), _ATTRIBUTES)


def _restate(
    facts: Facts, session: SparkSession, lake: Lake, since: DataFrame, batch_id: int
) -> int:
    outdated = _outdated(facts, session, lake, since).persist()
    try:
        days = [row[0] for row in outdated.select("event_date").distinct().collect()]
        if not days:
            return 0
        outdated.createOrReplaceTempView(_VIEW)
        columns = [column for role in facts.roles for column in role.copied]
        text = statement(
            "restate",
            facts.table,
            target=lake.sql_name(facts.table.name),
            rows=_VIEW,
            days=literals(days),
            copied=", ".join(f"t.{column} = s.{column}" for column in columns),
        )
        with once(session, query_id(session), batch_id):
            return sum(row["num_updated_rows"] for row in session.sql(text).collect())
    finally:
        outdated.unpersist()
        session.catalog.dropTempView(_VIEW)


def _outdated(facts: Facts, session: SparkSession, lake: Lake, since: DataFrame) -> DataFrame:
    """Return the facts whose key or attributes would differ if loaded now, with the new values."""
    # As text: Python has no four digits for the year 1.
    [(earliest,)] = since.selectExpr("CAST(CAST(min(since) AS DATE) AS STRING)").collect()
    table = read(session, lake, facts.table.name).where(f"event_date >= DATE '{earliest}'")
    copied = [column for role in facts.roles for column in role.copied]
    table = table.withColumnsRenamed({column: f"old_{column}" for column in copied})
    for role in facts.roles:
        of_role = since.select(
            col("user_id").alias(f"{role.prefix}_concerned"),
            col("since").alias(f"{role.prefix}_since"),
        )
        is_later = (col(role.user) == col(f"{role.prefix}_concerned")) & (
            col("occurred_at") >= col(f"{role.prefix}_since")
        )
        table = table.join(of_role, is_later, "left")
    concerned = reduce(or_, (col(f"{role.prefix}_concerned").isNotNull() for role in facts.roles))
    differs = reduce(or_, (~col(column).eqNullSafe(col(f"old_{column}")) for column in copied))
    users = read(session, lake, DIM_USERS.name)
    return (
        facts.with_users(table.where(concerned), users)
        .where(differs)
        .select("event_date", "event_id", *copied)
    )


QUERY: Final = Query(
    "restatement", (DIM_USERS.name,), "facts", stream, process, after=(DIM_USERS.name,)
)
