"""Versions of each user, from the user's changes: the rows of `dim_users`."""

from functools import reduce
from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.transforms.user_changes import IN_ORDER
from streams.contracts.tables import DIM_USERS

TRACKED: Final = (
    "handle",
    "display_name",
    "country",
    "account_type",
    "is_private",
    "verified",
    "audience_tier",
)
"""Columns whose change opens a version."""

UNTRACKED: Final = ("follower_count", "created_at")
"""Columns whose newest value a version holds."""


def versions(changes: DataFrame) -> DataFrame:
    """Return every version of every user in `changes`, with the columns of DIM_USERS."""
    in_turn = Window.partitionBy("user_id").orderBy("version")
    following = F.lead("valid_from").over(in_turn)
    valid_to = F.coalesce("deleted_at", following)
    return (
        _grouped(_numbered(changes))
        .withColumns(
            {
                "user_sk": _surrogate_key(),
                "valid_to": valid_to,
                "is_current": valid_to.isNull(),
                "is_deleted": F.col("deleted_at").isNotNull(),
                "is_inferred": F.lit(False),
            }
        )
        .select(*DIM_USERS.column_names)
    )


def _numbered(changes: DataFrame) -> DataFrame:
    """Add `step`, the change's place among its user's, and `version`, the one it belongs to."""
    in_order = Window.partitionBy("user_id").orderBy(*IN_ORDER)
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)

    def before(name: str) -> Column:
        return F.lag(name).over(in_order)

    same = reduce(
        Column.__and__,
        (F.col(name).eqNullSafe(before(name)) for name in TRACKED),
        F.coalesce(before("alive"), F.lit(False)),
    )
    return (
        changes.withColumn("step", F.row_number().over(in_order))
        .withColumn("opens", (F.col("alive") & ~same).cast("int"))
        .withColumn("version", F.sum("opens").over(so_far))
        .where("version > 0")  # drops the end of a row that no change opened
    )


def _grouped(numbered: DataFrame) -> DataFrame:
    """Return one row per version. Its first change opened it; once gone, the row stays gone."""

    def first(name: str) -> Column:
        return F.min_by(name, "step")

    last_written = F.when(F.col("alive"), F.col("step"))
    gone = F.when(~F.col("alive"), F.col("step"))
    return numbered.groupBy("user_id", "version").agg(
        *(first(name).alias(name) for name in TRACKED),
        *(F.max_by(name, last_written).alias(name) for name in UNTRACKED),
        first("committed_at").alias("valid_from"),
        F.min_by("committed_at", gone).alias("deleted_at"),
        first("lsn").alias("source_lsn"),
        first("kafka_partition").alias("source_partition"),
        first("kafka_offset").alias("source_offset"),
    )


def inferred(users: DataFrame) -> DataFrame:
    """Return the first version of each of `users` (user_id), which only events name so far."""
    user = F.col("user_id")
    known = {
        "user_id": user,
        "user_sk": first_key(user),
        "valid_from": F.timestamp_micros(F.lit(0)),
        "is_current": F.lit(True),
        "is_deleted": F.lit(False),
        "is_inferred": F.lit(True),
    }
    return users.select(
        *(
            known.get(column.name, F.lit(None)).cast(column.type).alias(column.name)
            for column in DIM_USERS.columns
        )
    )


def difference(current: DataFrame, derived: DataFrame) -> DataFrame:
    """Return the rows (`action`, columns of DIM_USERS) that turn `current` into `derived`.

    Actions are insert, update and delete; rows that are right are left out. Inferred rows stay
    until a version takes their place, under the same surrogate key.

    Args:
        current: rows of dim_users.
        derived: the rows that dim_users should have.
    """
    keys = ("user_id", "user_sk")
    row = F.struct(*DIM_USERS.column_names)
    old = current.select(*keys, row.alias("old"))
    new = derived.select(*keys, row.alias("new"))
    action = (
        F.when(F.col("old").isNull(), "insert")
        .when(F.col("new").isNotNull() & ~F.col("new").eqNullSafe(F.col("old")), "update")
        .when(F.col("new").isNull() & ~F.col("old.is_inferred"), "delete")
    )
    return (
        old.join(new, list(keys), "full_outer")
        .select(action.alias("action"), F.coalesce("new", "old").alias("row"))
        .where("action IS NOT NULL")
        .select("action", "row.*")
    )


def first_key(user_id: Column) -> Column:
    """Return the surrogate key of a user's first version, known before the user is."""
    return F.xxhash64(user_id, F.lit(0).cast("bigint"))


def _surrogate_key() -> Column:
    """Return a hash of the user and the position where the version starts, `0` for the first
    version.

    If several later versions start at one position, their turn makes the hashes differ.
    """
    is_first = F.col("version") == 1
    starts = Window.partitionBy("user_id", "source_lsn", is_first).orderBy("version")
    turn = (F.row_number().over(starts) - 1).cast("bigint")
    user = F.col("user_id")
    return (
        F.when(is_first, first_key(user))
        .when(turn == 0, F.xxhash64(user, F.col("source_lsn")))
        .otherwise(F.xxhash64(user, F.col("source_lsn"), turn))
    )
