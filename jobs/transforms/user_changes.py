"""Changes of each user in order, once each, from the change log of `users`.

A change is *alive* (`r`, `c`, `u`: the row as it was written) or not (`d`, `t`, `absent`: the row
is gone). TRUNCATE and the end of a snapshot concern many users in one record; here each of these
users gets a change of its own.

A *refused* change is one that could not land (see `streams.contracts.cdc`). It is not a change
here, but it counts for what a snapshot implies about others: a user whose row could not be read was
not absent.

Columns: user_id, op, alive, lsn, tx_order, rank, committed_at, kafka_partition, kafka_offset,
old_key, then the columns of the row as written, null if it is gone.
"""

from collections.abc import Iterable
from functools import reduce
from typing import Any, Final, NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from streams.contracts.tables import DEBEZIUM_UNAVAILABLE, UNAVAILABLE, USER

ABSENT: Final = "absent"
"""Op of a user that a complete snapshot does not contain."""

IN_ORDER: Final = ("lsn", "tx_order", "rank")
"""Sort key of one user's changes (null first): a total order, however they came in."""

REFUSED: Final = ("user_id", "op", "lsn", "snapshot", "committed_at", "append_time")
"""Columns of refused changes: null if the record has no value."""

_WRITES: Final = ("r", "c", "u")
_RANKS: Final = (ABSENT, "t", "r", "d", "c", "u")
"""Order of changes whose log positions do not order them."""

_ROW: Final = tuple(column for column in USER if column.name != "user_id")
_TEXTS: Final = tuple(column.name for column in _ROW if column.type == "STRING")
_PLACE: Final = ("lsn", "tx_order", "committed_at", "kafka_partition", "kafka_offset")
_SLACK: Final = "INTERVAL 10 MINUTES"
"""Margin: a record without an envelope may belong to a snapshot whose other rows came this much
apart."""


class Links(NamedTuple):
    """Changes of a key whose new row leaves texts to the old one: (new id, old id), each once."""

    pairs: tuple[tuple[int, int], ...]

    @property
    def are_chained(self) -> bool:
        """Return whether a row that takes texts may also leave its own to another row."""
        return not {new for new, _ in self.pairs}.isdisjoint(old for _, old in self.pairs)

    def dependents(self, users: Iterable[int]) -> set[int]:
        """Return the users whose rows take texts from those of `users`, at any remove."""
        return _reachable(users, [(old, new) for new, old in self.pairs])

    def sources(self, users: Iterable[int]) -> set[int]:
        """Return the users whose texts the rows of `users` take, at any remove."""
        return _reachable(users, self.pairs)


def concerns_others() -> Column:
    """Return whether a record also concerns users that it does not name."""
    last = F.col("snapshot").isin("last", "last_in_data_collection")
    return (F.col("op") == "t") | ((F.col("op") == "r") & F.coalesce(last, F.lit(False)))


def links(log: DataFrame) -> Links:
    """Collect the links of a log. There are few, as the whole old row is usually sent."""
    unsent = reduce(
        Column.__or__,
        (F.col(f"after.{name}").isin(UNAVAILABLE, DEBEZIUM_UNAVAILABLE) for name in _TEXTS),
    )
    moved = log.where(F.col("old_key").isNotNull() & (F.col("op") == "c") & unsent)
    pairs = moved.select("user_id", "old_key").distinct().collect()
    return Links(tuple((row["user_id"], row["old_key"]) for row in pairs))


def changes(
    log: DataFrame,
    users: DataFrame | None = None,
    refused: DataFrame | None = None,
    linked: Links | None = None,
) -> DataFrame:
    """Return the changes of all users, or of `users`, from the whole log.

    Args:
        log: rows of bronze_users_cdc.
        users: the users (user_id, each once) whose changes are returned; `None` for all.
        refused: the log's refused changes (columns `REFUSED`); `None` if there are none.
        linked: the links of the log; `None` to collect them.
    """
    linked = links(log) if linked is None else linked
    records = log.where(F.col("op").isin(*_WRITES, "d"))
    if users is not None:
        needed = with_linked(users, linked, linked.sources) if linked.pairs else users
        records = records.join(needed, "user_id", "left_semi")
    once = _once(records)
    shaped = _shaped(once.unionByName(_closes(log, once, refused), allowMissingColumns=True))
    carried = _inherited(shaped, linked) if linked.pairs else _carried(shaped)
    return carried if users is None else carried.join(users, "user_id", "left_semi")


def with_linked(users: DataFrame, linked: Links, reach: Any) -> DataFrame:
    """Return `users` and those that `reach` (a method of `linked`) finds from them."""
    nodes = {user for pair in linked.pairs for user in pair}
    session = users.sparkSession
    here = users.join(_frame(session, nodes), "user_id", "left_semi").collect()
    found = reach(row["user_id"] for row in here)
    return users.unionByName(_frame(session, found)).distinct()


def _frame(session: SparkSession, users: Iterable[int]) -> DataFrame:
    return session.createDataFrame([(user,) for user in users], "user_id BIGINT")


def _reachable(start: Iterable[int], edges: Iterable[tuple[int, int]]) -> set[int]:
    following: dict[int, set[int]] = {}
    for source, target in edges:
        following.setdefault(source, set()).add(target)
    found: set[int] = set()
    pending = list(start)
    while pending:
        new = following.get(pending.pop(), set()) - found
        found |= new
        pending += new
    return found


def _once(records: DataFrame) -> DataFrame:
    """Return one record per (user_id, lsn, op): the first of several copies."""
    copies = Window.partitionBy("user_id", "lsn", "op").orderBy(
        F.col("tx_order").asc_nulls_first(), "kafka_partition", "kafka_offset"
    )
    return (
        records.select("user_id", "op", "after", *_PLACE, "old_key", _is_whole().alias("whole"))
        .repartition("user_id")  # all that follows works on one user at a time
        .withColumn("copy", F.row_number().over(copies))
        .where("copy = 1")
        .drop("copy")
    )


def _is_whole() -> Column:
    """Return whether Debezium had every text of the row.

    If it had, a text that looks like Debezium's old placeholder is a real one, such as a name.
    Debezium has every text of a row that is read or inserted, and of an update that comes with the
    row before it (REPLICA IDENTITY FULL).
    """
    inserted = F.col("op").isin("r", "c") & F.col("old_key").isNull()
    return inserted | ((F.col("op") == "u") & F.col("before").isNotNull())


def _closes(log: DataFrame, once: DataFrame, refused: DataFrame | None) -> DataFrame:
    """Return (user_id, op, lsn, tx_order, committed_at): the ends by TRUNCATE or snapshot, per
    user.

    A snapshot's rows share one lsn; a user without a row of that lsn is not in it. Closing a user
    that is closed, or not yet there, changes nothing, so no user is left out here.
    """
    marks = log.select(*REFUSED, "tx_order")
    if refused is not None:
        marks = marks.unionByName(refused.select(*REFUSED), allowMissingColumns=True)
    ends = _ends(marks)
    if refused is not None:
        ends = ends.join(_unread(refused).where("named IS NULL"), _may_be_of(), "left_anti")
    collected = ends.agg(F.collect_list(F.struct(*ends.columns)).alias("ends"))
    read = F.collect_set(F.when(F.col("op") == "r", F.col("lsn")))
    applying = F.filter(
        "ends", lambda end: (end["op"] == "t") | ~F.array_contains("read", end["lsn"])
    )
    closes = (
        once.groupBy("user_id")
        .agg(read.alias("read"))
        .crossJoin(F.broadcast(collected))
        .select("user_id", F.explode(applying).alias("end"))
        .select("user_id", "end.*")
    )
    if refused is not None:
        own = (F.col("named") == F.col("user_id")) & _may_be_of()
        closes = closes.join(_unread(refused), own, "left_anti")
    return closes.drop("since", "until")


def _unread(refused: DataFrame) -> DataFrame:
    """Return (named, unread_lsn, came): refused changes that may be rows of a snapshot."""
    return refused.where("op IS NULL OR op = 'r'").select(
        F.col("user_id").alias("named"),
        F.col("lsn").alias("unread_lsn"),
        F.col("append_time").alias("came"),
    )


def _may_be_of() -> Column:
    """Return whether an unread row may belong to the snapshot of an end.

    Its position in PostgreSQL's log decides if it has one, otherwise the time at which it came.
    """
    came_with_it = F.col("came").between(F.col("since"), F.col("until"))
    same = F.coalesce(F.col("unread_lsn") == F.col("lsn"), came_with_it)
    return (F.col("op") == ABSENT) & same


def _ends(marks: DataFrame) -> DataFrame:
    """Return (op, lsn, tx_order, committed_at, since, until): each TRUNCATE and complete snapshot.

    `since` and `until` are when the first and the last row of a snapshot came, give or take
    `_SLACK`.
    """
    is_truncate = F.col("op") == "t"
    completed_at = F.when(concerns_others(), F.col("committed_at"))
    return (
        marks.where(F.col("op").isin("r", "t") & F.col("lsn").isNotNull())
        .withColumn("completed_at", completed_at)
        .withColumn("op", F.when(is_truncate, "t").otherwise(ABSENT))
        .groupBy("op", "lsn")
        .agg(
            F.min(F.when(is_truncate, F.col("tx_order"))).alias("tx_order"),
            F.min("completed_at").alias("committed_at"),
            (F.min("append_time") - F.expr(_SLACK)).alias("since"),
            (F.max("append_time") + F.expr(_SLACK)).alias("until"),
        )
        .where("committed_at IS NOT NULL")
    )


def _shaped(once: DataFrame) -> DataFrame:
    ranks = F.array(*map(F.lit, _RANKS))
    alive = F.col("op").isin(*_WRITES)

    def written(name: str) -> Column:
        value = F.when(alive, F.col(f"after.{name}"))
        if name not in _TEXTS:
            return value
        unsent = (value == DEBEZIUM_UNAVAILABLE) & ~F.col("whole")
        return F.when(unsent, F.lit(UNAVAILABLE)).otherwise(value)

    return once.select(
        "user_id",
        "op",
        alive.alias("alive"),
        F.array_position(ranks, F.col("op")).alias("rank"),
        *_PLACE,
        "old_key",
        *(written(column.name).alias(column.name) for column in _ROW),
    )


def _carried(changed: DataFrame) -> DataFrame:
    """Replace each placeholder by the user's value before it."""
    so_far = (
        Window.partitionBy("user_id")
        .orderBy(*IN_ORDER)
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )

    def value(name: str) -> Column:
        column = F.col(name)
        # A struct distinguishes a null that was written from no value.
        known = F.when(
            F.col("alive") & ~column.eqNullSafe(F.lit(UNAVAILABLE)), F.struct(column.alias("value"))
        )
        carried = F.last(known, ignorenulls=True).over(so_far).getField("value")
        return F.when(column == UNAVAILABLE, carried).otherwise(column)

    return changed.withColumns({name: value(name) for name in _TEXTS})


def _inherited(changed: DataFrame, linked: Links) -> DataFrame:
    """Replace placeholders as `_carried` does; those of a new key's row by the old key's texts.

    If links are chained, the old row may have inherited its own texts. Then this is repeated until
    nothing changes: once for each link of the longest chain, and once to detect that.
    """
    changed = changed.localCheckpoint()
    mover = F.col("old_key").isNotNull() & (F.col("op") == "c")
    order = F.struct(*(F.coalesce(F.col(name), F.lit(-1)).alias(name) for name in IN_ORDER))
    movers = changed.where(mover).select(
        F.col("user_id").alias("heir"), "old_key", order.alias("moved")
    )
    carried = _carried(changed)
    before: DataFrame | None = None
    while True:
        texts = F.struct(*_TEXTS)
        rows = carried.where("alive").select("user_id", order.alias("at"), texts.alias("texts"))
        found = (
            movers.join(
                rows, (F.col("user_id") == F.col("old_key")) & (F.col("at") < F.col("moved"))
            )
            .groupBy("heir", "moved")
            .agg(F.max_by("texts", "at").alias("texts"))
            .localCheckpoint()
        )
        if before is not None and found.exceptAll(before).isEmpty():
            return carried
        before = found
        carried = _carried(_with_texts(changed, found, mover, order))
        if not linked.are_chained:
            return carried


def _with_texts(changed: DataFrame, found: DataFrame, mover: Column, order: Column) -> DataFrame:
    """Replace placeholders by the old rows' texts (heir, moved, texts)."""
    own = (F.col("heir") == F.col("user_id")) & (F.col("moved") == order)

    def value(name: str) -> Column:
        unsent = mover & (F.col(name) == UNAVAILABLE)
        return F.when(unsent, F.col(f"found.{name}")).otherwise(F.col(name))

    joined = changed.join(found.withColumnRenamed("texts", "found"), own, "left")
    return joined.withColumns({name: value(name) for name in _TEXTS}).drop("heir", "moved", "found")
