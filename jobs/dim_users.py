"""Job of `dim_users`: every micro-batch of the change log corrects the users that it concerns.

Nothing is remembered between batches. The versions of each user that a batch touches are derived
again from that user's whole log in `bronze_users_cdc`, so order, cuts and repetitions of batches
leave no trace in the table.
"""

from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.lake import Lake, read
from jobs.merges import once, query_id, statement
from jobs.queries import BatchCounts, Query, stream_of
from jobs.transforms.user_changes import REFUSED, changes, concerns_others, links, with_linked
from jobs.transforms.user_versions import difference, inferred, versions
from streams.contracts.tables import BRONZE, DIM_USERS, QUARANTINE, REFUSED_CHANGE

USERS_TOPIC: Final = "accounts.public.users"
LOG: Final = BRONZE[USERS_TOPIC]
_FILES: Final = 64
_ACTIONS: Final = "dim_users_actions"
_INFERRED: Final = "dim_users_inferred"


def process(batch: DataFrame, batch_id: int, lake: Lake) -> int:
    """Bring dim_users up to the log for the users of `batch` (rows of bronze_users_cdc).

    For foreachBatch. Return how many rows were inserted, updated or deleted.
    """
    session = batch.sparkSession
    touched = batch.where("user_id IS NOT NULL").select("user_id").distinct().persist()
    try:
        everyone = not batch.where(concerns_others()).isEmpty()
        if not everyone and touched.isEmpty():
            return 0
        return _correct(session, lake, None if everyone else touched, batch_id)
    finally:
        touched.unpersist()


def process_refused(batch: DataFrame, batch_id: int, lake: Lake) -> BatchCounts:
    """Correct dim_users if a batch of the quarantine holds changes of accounts. For foreachBatch.

    Such a record may be the snapshot's row of a user that seems absent from it, and it need not
    name the user. It is rare, so every user is derived again.
    """
    rows = batch.count()
    refused = batch.where(F.col("topic") == USERS_TOPIC).count()
    changed = _correct(batch.sparkSession, lake, None, batch_id) if refused else 0
    return BatchCounts(rows=rows, changed=changed, other=rows - refused)


REFUSED_CHANGES: Final = Query(
    "refused_changes",
    (QUARANTINE,),
    DIM_USERS.name,
    lambda session, lake: stream_of(session, lake, QUARANTINE, _FILES),
    process_refused,
)


def infer_users(session: SparkSession, lake: Lake, users: DataFrame) -> int:
    """Give every user of `users` (user_id) a row in dim_users; return how many were missing.

    Safe to repeat. The row keeps its surrogate key when the accounts database first has the user.
    """
    known = read(session, lake, DIM_USERS.name).select("user_id")
    missing = (
        users.select("user_id")
        .where("user_id IS NOT NULL")
        .distinct()
        .join(known, "user_id", "left_anti")
    )
    rows = inferred(missing).localCheckpoint()
    count = rows.count()
    if count:
        _merge(session, lake, "infer_users", rows=(_INFERRED, rows))
    return count


def _correct(session: SparkSession, lake: Lake, users: DataFrame | None, batch_id: int) -> int:
    current, log = read(session, lake, DIM_USERS.name), read(session, lake, LOG)
    linked = links(log)
    if users is not None:
        users = with_linked(users, linked, linked.dependents) if linked.pairs else users
        current = current.join(users, "user_id", "left_semi")
    derived = versions(changes(log, users, _refused(session, lake), linked))
    # Not persisted: Spark plans cached rows again after each write to the table they come from.
    actions = difference(current, derived).localCheckpoint()
    count = actions.count()
    if count:
        with once(session, query_id(session), batch_id):
            _merge(session, lake, "dim_users", actions=(_ACTIONS, actions))
    return count


def _refused(session: SparkSession, lake: Lake) -> DataFrame | None:
    """Return the refused changes of accounts that the quarantine holds, `None` if there are none.

    A lake that an earlier release created has no column for their content: then the key and the
    rest are unknown.
    """
    quarantine = read(session, lake, QUARANTINE)
    if "change" not in quarantine.columns:
        quarantine = quarantine.withColumn("change", F.lit(None).cast(REFUSED_CHANGE))
    refused = quarantine.where(F.col("topic") == USERS_TOPIC)
    if refused.isEmpty():
        return None
    return refused.select("append_time", "change.*").select(*REFUSED)


def _merge(session: SparkSession, lake: Lake, name: str, **views: tuple[str, DataFrame]) -> None:
    target = lake.sql_name(DIM_USERS.name)
    for view, rows in views.values():
        rows.createOrReplaceTempView(view)
    try:
        names = {placeholder: view for placeholder, (view, _) in views.items()}
        session.sql(statement(name, DIM_USERS, target=target, **names))
    finally:
        for view, _ in views.values():
            session.catalog.dropTempView(view)
