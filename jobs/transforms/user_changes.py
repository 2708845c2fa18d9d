"""The change log of `users` as each user's changes in order, once each.

A change is *alive* (`r`, `c`, `u`: the row as it was written) or not (`d`, `t`, `absent`: the row
is gone). TRUNCATE and the end of a snapshot tell of many users in one record; here each user of
theirs gets a change of its own.

Columns: user_id, op, alive, lsn, tx_order, rank, committed_at, kafka_partition, kafka_offset, then
the columns of the row as written, null where it is gone.
"""

from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from streams.contracts.tables import USER

ABSENT: Final = "absent"
"""The op of a user whom a complete snapshot does not contain."""

UNAVAILABLE: Final = "__debezium_unavailable_value"
"""What Debezium writes for a large value that an update left alone."""

IN_ORDER: Final = ("lsn", "tx_order", "rank")
"""One user's changes sort by this (null first): a total order, however they came in."""

_WRITES: Final = ("r", "c", "u")
_RANKS: Final = (ABSENT, "t", "r", "d", "c", "u")
"""Which of two changes comes first where the log position does not tell."""

_ROW: Final = tuple(column for column in USER if column.name != "user_id")
_PLACE: Final = ("lsn", "tx_order", "committed_at", "kafka_partition", "kafka_offset")


def tells_of_others() -> Column:
    """Whether a record says something of users whom it does not name."""
    last = F.col("snapshot").isin("last", "last_in_data_collection")
    return (F.col("op") == "t") | ((F.col("op") == "r") & F.coalesce(last, F.lit(False)))


def changes(log: DataFrame, users: DataFrame | None = None) -> DataFrame:
    """The changes of all users, or of `users` (user_id, each once), from the whole log."""
    told = log.where(F.col("op").isin(*_WRITES, "d"))
    if users is not None:
        told = told.join(users.select("user_id"), "user_id", "left_semi")
    once = _once(told)
    return _carried(_shaped(once.unionByName(_closes(log, once), allowMissingColumns=True)))


def _once(told: DataFrame) -> DataFrame:
    """One record per (user_id, lsn, op): of several copies the one that lies first."""
    copies = Window.partitionBy("user_id", "lsn", "op").orderBy(
        F.col("tx_order").asc_nulls_first(), "kafka_partition", "kafka_offset"
    )
    return (
        told.select("user_id", "op", "after", *_PLACE)
        .repartition("user_id")  # all that follows works on one user at a time
        .withColumn("copy", F.row_number().over(copies))
        .where("copy = 1")
        .drop("copy")
    )


def _closes(log: DataFrame, once: DataFrame) -> DataFrame:
    """(user_id, op, lsn, tx_order, committed_at): what TRUNCATE and snapshots say of each user.

    A snapshot's rows share one lsn; whoever has no row of that lsn is not in it. Closing a user
    who is closed, or not yet there, changes nothing, so nobody is left out here.
    """
    is_truncate = F.col("op") == "t"
    ends = (
        log.where(tells_of_others())
        .withColumn("op", F.when(is_truncate, "t").otherwise(ABSENT))
        .groupBy("op", "lsn")
        .agg(
            F.min(F.when(is_truncate, F.col("tx_order"))).alias("tx_order"),
            F.min("committed_at").alias("committed_at"),
        )
        .agg(F.collect_list(F.struct("op", "lsn", "tx_order", "committed_at")).alias("ends"))
    )
    read = F.collect_set(F.when(F.col("op") == "r", F.col("lsn")))
    tells = F.filter("ends", lambda end: (end["op"] == "t") | ~F.array_contains("read", end["lsn"]))
    return (
        once.groupBy("user_id")
        .agg(read.alias("read"))
        .crossJoin(F.broadcast(ends))
        .select("user_id", F.explode(tells).alias("end"))
        .select("user_id", "end.*")
    )


def _shaped(once: DataFrame) -> DataFrame:
    ranks = F.array(*map(F.lit, _RANKS))
    alive = F.col("op").isin(*_WRITES)
    return once.select(
        "user_id",
        "op",
        alive.alias("alive"),
        F.array_position(ranks, F.col("op")).alias("rank"),
        *_PLACE,
        *(F.when(alive, F.col(f"after.{column.name}")).alias(column.name) for column in _ROW),
    )


def _carried(changed: DataFrame) -> DataFrame:
    """A placeholder gives way to the user's value before it."""
    so_far = (
        Window.partitionBy("user_id")
        .orderBy(*IN_ORDER)
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )

    def value(name: str) -> Column:
        column = F.col(name)
        # Inside a struct a null that was written is told from no value.
        known = F.when(
            F.col("alive") & ~column.eqNullSafe(F.lit(UNAVAILABLE)), F.struct(column.alias("value"))
        )
        carried = F.last(known, ignorenulls=True).over(so_far).getField("value")
        return F.when(column == UNAVAILABLE, carried).otherwise(column)

    texts = [column.name for column in _ROW if column.type == "STRING"]
    return changed.withColumns({name: value(name) for name in texts})
