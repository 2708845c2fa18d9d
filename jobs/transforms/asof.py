"""Lookup of the version of a user in force at an instant: exactly one for every known user.

It is the last version that had begun, whether its account was deleted since or not; before a user's
first version, it is the first one. So each version answers for [asof_from, asof_to), and a user's
intervals cover all time without gap or overlap.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.transforms.user_versions import first_key

_BEGINNING: Final = "TIMESTAMP '0001-01-01 00:00:00'"


def beginning() -> Column:
    """Return an instant before every event."""
    return F.expr(_BEGINNING)


def intervals(versions: DataFrame) -> DataFrame:
    """Return `versions` (rows of dim_users) with asof_from and asof_to, the latter null if open.

    Of versions that begin at one instant only the last covers any time and is kept. A user's first
    version covers the time before it too.
    """
    in_order = Window.partitionBy("user_id").orderBy(
        "valid_from",
        "source_lsn",
        F.col("user_sk") != first_key(F.col("user_id")),
        F.col("valid_to").asc_nulls_last(),
        "is_deleted",
        "user_sk",
    )
    is_first = F.row_number().over(in_order) == 1
    return versions.withColumns(
        {
            "asof_from": F.when(is_first, beginning()).otherwise(F.col("valid_from")),
            "asof_to": F.lead("valid_from").over(in_order),
        }
    ).where("asof_to IS NULL OR asof_from < asof_to")


def with_user_sk(
    facts: DataFrame,
    versions: DataFrame,
    user_column: str,
    at_column: str,
    prefix: str,
    attributes: Mapping[str, str],
) -> DataFrame:
    """Return `facts` with `<prefix>_sk` and the attributes of the version in force at `at_column`.

    No row is lost or doubled. New columns are null if the user is null or has no version yet.

    Args:
        versions: rows of dim_users.
        user_column: the column of the facts with the user's id.
        at_column: the column of the facts with the instant.
        attributes: new column -> column of dim_users that it is copied from.
    """
    known = intervals(versions).select(
        F.col("user_id").alias("asof_user"),
        F.col("user_sk").alias(f"{prefix}_sk"),
        *(F.col(source).alias(name) for name, source in attributes.items()),
        "asof_from",
        "asof_to",
    )
    instant = F.col(at_column)
    in_force = (
        (F.col(user_column) == F.col("asof_user"))
        & (instant >= F.col("asof_from"))
        & (F.col("asof_to").isNull() | (instant < F.col("asof_to")))
    )
    return facts.join(known, in_force, "left").drop("asof_user", "asof_from", "asof_to")


def affected(before: DataFrame, after: DataFrame, attributes: Sequence[str]) -> DataFrame:
    """Return (user_id, since): the instant from which as-of answers may differ between two states.

    An answer is the surrogate key and `attributes`. Users whose answers are all unchanged are left
    out, and users unknown before, for which no answer was given.

    Args:
        before: the earlier state of dim_users: all versions of each user that it holds.
        after: the later state of dim_users: all versions of each user that it holds.
    """
    answer = ("user_id", "user_sk", "asof_from", *attributes)
    old = intervals(before).select(*answer, F.lit(-1).alias("side"))
    new = intervals(after).select(*answer, F.lit(1).alias("side"))
    return (
        old.unionByName(new)
        .groupBy(*answer)
        .agg(F.sum("side").alias("side"))
        .where("side <> 0")
        .groupBy("user_id")
        .agg(F.min("asof_from").alias("since"))
        .join(before.select("user_id").distinct(), "user_id", "left_semi")
    )
