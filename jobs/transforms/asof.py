"""Which version of a user was in force at an instant: exactly one for every user that is known.

It is the last one that had begun, whether its account was deleted since or not; before a user's
first version, that one. So each version answers for [asof_from, asof_to), and a user's intervals
cover all time without gap or overlap.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.transforms.user_versions import first_key

_BEGINNING: Final = "TIMESTAMP '0001-01-01 00:00:00'"


def beginning() -> Column:
    """Before every event."""
    return F.expr(_BEGINNING)


def intervals(versions: DataFrame) -> DataFrame:
    """`versions` (rows of dim_users) with asof_from and asof_to, the latter null if open.

    Of versions that begin at one instant only the last has a part of time and is kept; the first
    one of all has the time before.
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
    """`facts` with `<prefix>_sk` and the attributes of the version in force at `at_column`.

    `attributes` names new columns and the columns of dim_users they are copied from. No row is
    lost or doubled; null where the user is null or has no version yet.
    """
    known = intervals(versions).select(
        F.col("user_id").alias("asof_user"),
        F.col("user_sk").alias(f"{prefix}_sk"),
        *(F.col(source).alias(name) for name, source in attributes.items()),
        "asof_from",
        "asof_to",
    )
    at = F.col(at_column)
    in_force = (
        (F.col(user_column) == F.col("asof_user"))
        & (at >= F.col("asof_from"))
        & (F.col("asof_to").isNull() | (at < F.col("asof_to")))
    )
    return facts.join(known, in_force, "left").drop("asof_user", "asof_from", "asof_to")


def affected(before: DataFrame, after: DataFrame, attributes: Sequence[str]) -> DataFrame:
    """(user_id, since): from when on an as-of answer may differ between two states of dim_users.

    An answer is the surrogate key and `attributes`. Left out are users whose answers all stand, and
    those unknown before, of whom nothing was answered. Both states must hold all versions of the
    users that they hold.
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
