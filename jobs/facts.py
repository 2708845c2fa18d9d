"""Load of facts: every event once, with its users' versions at event time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.functions import coalesce, col, collect_set, count, lit, when
from pyspark.sql.functions import max as largest
from pyspark.sql.functions import min as smallest

from jobs.dim_users import infer_users
from jobs.lake import Lake, read
from jobs.merges import once, query_id, statement
from jobs.queries import BatchCounts, UnbalancedError
from jobs.transforms.asof import with_user_sk
from jobs.transforms.deduplication import CreateVerdict, deduplicate
from jobs.transforms.engagement import POST
from streams.contracts.tables import DIM_USERS, Table

_CHANGES: Final = (CreateVerdict.INSERT, CreateVerdict.REPLACE, CreateVerdict.WITHDRAW)
_VIEW: Final = "fact_changes"


@dataclass(frozen=True, slots=True)
class Role:
    """User that a fact names, and the columns copied from the version in force at event time."""

    prefix: str
    attributes: Mapping[str, str]
    """Column of the fact -> column of dim_users."""

    @property
    def user(self) -> str:
        return f"{self.prefix}_id"

    @property
    def copied(self) -> tuple[str, ...]:
        """Columns of the fact that follow from dim_users."""
        return (f"{self.prefix}_sk", *self.attributes)


@dataclass(frozen=True, slots=True)
class Facts:
    """Fact table, with its users and its rules for deduplication."""

    table: Table
    roles: tuple[Role, ...]
    keys: Callable[[DataFrame], DataFrame]
    """Function from facts to made, key_id, existing_id, by which `deduplicate` identifies them."""
    competing_creates: Callable[[SparkSession, Lake, int, int], DataFrame] | None = None
    """Function that returns the creates (made, key_id, event_id) of posts in a range of ids,
    whether they are facts or not."""

    def with_users(self, facts: DataFrame, versions: DataFrame) -> DataFrame:
        """Return the facts with the surrogate keys and attributes of their users at event time."""
        bare = facts.drop(*(column for role in self.roles for column in role.copied))
        for role in self.roles:
            bare = with_user_sk(
                bare, versions, role.user, "occurred_at", role.prefix, role.attributes
            )
        return bare


def load(facts: Facts, batch: DataFrame, batch_id: int, lake: Lake) -> BatchCounts:
    """Bring the candidates of a batch into their table. For foreachBatch.

    Raises:
        UnbalancedError: the rows written do not match the rows of the batch.
    """
    session = batch.sparkSession
    candidates = batch.persist()
    decided: DataFrame | None = None
    try:
        summary = _summary(candidates)
        if not summary["days"]:
            return BatchCounts(rows=summary["rows"], other=summary["rows"])
        existing = facts.keys(of_days(read(session, lake, facts.table.name), summary["days"]))
        competing = _competing_creates(facts, session, lake, candidates, summary)
        decided = deduplicate(candidates, competing, existing).persist()
        verdicts = {
            row["verdict"]: row["count"] for row in decided.groupBy("verdict").count().collect()
        }
        changes = decided.where(col("verdict").isin(*_CHANGES))
        written = (0, 0)
        if any(verdicts.get(verdict) for verdict in _CHANGES):
            written = _write(facts, changes, batch_id, lake)
        return _balanced(facts, batch_id, summary["rows"], verdicts, written)
    finally:
        candidates.unpersist()
        if decided is not None:
            decided.unpersist()


def of_days(facts: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return the facts of some days, found by their partitions alone."""
    return facts.where(f"event_date IN ({literals(days)})")


def literals(days: Sequence[date]) -> str:
    """Return the days as SQL, by which a MERGE reads no other partition."""
    return ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(days))


def _summary(candidates: DataFrame) -> Row:
    fact_or_create = col("event_type").isNotNull() | (col("made") == POST)
    repost = (col("made") == POST) & col("event_type").isNotNull()
    [summary] = candidates.agg(
        count(lit(1)).alias("rows"),
        collect_set(when(fact_or_create, col("event_date"))).alias("days"),
        smallest(when(repost, col("key_id"))).alias("first_post"),
        largest(when(repost, col("key_id"))).alias("last_post"),
    ).collect()
    return summary


def _competing_creates(
    facts: Facts, session: SparkSession, lake: Lake, candidates: DataFrame, summary: Row
) -> DataFrame:
    """Return the creates of the ids of the batch's reposts, also those from other batches."""
    keys = candidates.select("made", "key_id", "event_id")
    if facts.competing_creates is None or summary["first_post"] is None:
        return keys.where("false")
    creates = facts.competing_creates(session, lake, summary["first_post"], summary["last_post"])
    return creates.join(keys.select("made", "key_id").distinct(), ["made", "key_id"], "left_semi")


def _write(facts: Facts, changes: DataFrame, batch_id: int, lake: Lake) -> tuple[int, int]:
    """Write the changes; return how many facts are new, and how many were replaced or withdrawn."""
    session = changes.sparkSession
    ids = None
    for role in facts.roles:
        users = changes.select(col(role.user).alias("user_id"))
        ids = users if ids is None else ids.unionByName(users)
    assert ids is not None  # noqa: S101 - every fact names a user
    users = ids.where("user_id IS NOT NULL").distinct().persist()
    try:
        infer_users(session, lake, users)
        versions = read(session, lake, DIM_USERS.name).join(users, "user_id", "left_semi")
        complete = facts.with_users(changes, versions).withColumn(
            "target_id", coalesce("existing_id", "event_id")
        )
        days = [row[0] for row in changes.select("event_date").distinct().collect()]
        complete.createOrReplaceTempView(_VIEW)
        with once(session, query_id(session), batch_id):
            text = statement(
                "facts",
                facts.table,
                target=lake.sql_name(facts.table.name),
                changes=_VIEW,
                days=literals(days),
            )
            [done] = session.sql(text).collect()
        return done["num_inserted_rows"], done["num_updated_rows"] + done["num_deleted_rows"]
    finally:
        users.unpersist()
        session.catalog.dropTempView(_VIEW)


def _balanced(
    facts: Facts, batch_id: int, rows: int, verdicts: Mapping[str, int], written: tuple[int, int]
) -> BatchCounts:
    inserted, changed = written
    withdrawn = verdicts.get(CreateVerdict.WITHDRAW, 0)
    counts = BatchCounts(
        rows=rows,
        inserted=inserted,
        changed=changed,
        duplicates=verdicts.get(CreateVerdict.DUPLICATE, 0),
        conflicts=verdicts.get(CreateVerdict.CONFLICT, 0),
        other=verdicts.get(CreateVerdict.OTHER, 0),
    )
    counted = inserted + changed + counts.duplicates + counts.conflicts + counts.other
    if counted != rows or changed != verdicts.get(CreateVerdict.REPLACE, 0) + withdrawn:
        raise UnbalancedError(
            f"{facts.table.name}, batch {batch_id}: {rows} rows came in, but {inserted} facts were"
            f" inserted and {changed} changed, {counts.duplicates} rows are duplicates,"
            f" {counts.conflicts} conflicts and {counts.other} no facts"
        )
    return counts
