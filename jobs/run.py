"""Complete run: every query brings its tables up to bronze, one after the other.

Users come first, so that facts find the versions of their users; then facts that follow from
changed versions are restated; then content; then the facts; then the calendar. A run may end at any
point: the next one continues. A job that fails stops only the jobs that follow its changes: facts
wait for no user, since an unknown one is inferred and the facts are restated later.

    spark-submit --jars … jobs/run.py LAKE [--every SECONDS]
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from pyspark.sql import DataFrame, SparkSession

from jobs import (
    dim_date,
    dim_posts,
    dim_stories,
    dim_users,
    fact_engagement,
    fact_follows,
    restatement,
)
from jobs.failures import Failure, Job, failure_of, is_of_spark
from jobs.lake import Lake, create_table, exists
from jobs.micro_batches import BatchDone, RunStoppedError, run_available
from jobs.queries import BatchCounts, Query, stream_of
from jobs.session import cluster_session
from streams.contracts.tables import DIM_DATE, DIM_USERS, FACT_ENGAGEMENT, FACT_FOLLOWS, STAR, Table

_FILES: Final = 64
_STAR_NAMES: Final = frozenset(table.name for table in STAR)

CALENDAR: Final = Job(DIM_DATE.name, (FACT_ENGAGEMENT.name, FACT_FOLLOWS.name), DIM_DATE.name)
"""The only job that is not a query: it reads whole tables."""


def _users(batch: DataFrame, batch_id: int, lake: Lake) -> BatchCounts:
    rows = batch.count()
    return BatchCounts(rows=rows, changed=dim_users.process(batch, batch_id, lake))


QUERIES: Final[Sequence[Query]] = (
    Query(
        DIM_USERS.name,
        (dim_users.LOG,),
        DIM_USERS.name,
        lambda session, lake: stream_of(session, lake, dim_users.LOG, _FILES),
        _users,
    ),
    dim_users.REFUSED_CHANGES,
    restatement.QUERY,
    dim_posts.QUERY,
    dim_stories.QUERY,
    fact_engagement.QUERY,
    fact_follows.QUERY,
)
"""Queries in the order in which they run."""

BRONZE_READ: Final = tuple(
    dict.fromkeys(
        source
        for query in QUERIES
        for source in query.sources
        if source not in {table.name for table in STAR}
    )
)
"""Bronze tables that must exist."""


class MissingTablesError(Exception):
    """Tables that the queries read do not exist; `args` are their names."""


class JobsFailedError(Exception):
    """Jobs failed; `args` are their failures."""

    args: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Listener:
    """Callbacks for what happens in a run."""

    batch: Callable[[BatchDone], None] = lambda _: None
    succeeded: Callable[[str], None] = lambda _: None
    """Called with the name of each job that is up to its sources."""
    failed: Callable[[Failure], None] = lambda _: None


def prepare(
    session: SparkSession,
    lake: Lake,
    tables: Iterable[Table] = STAR,
    failed: Callable[[Failure], None] | None = None,
) -> frozenset[str]:
    """Create tables of the star and return the names of those that could not be created.

    Args:
        failed: called with each failure; without it the first one is raised.

    Raises:
        MissingTablesError: a bronze table is missing.
        JobsFailedError: a table cannot be created.
    """
    if missing := [name for name in BRONZE_READ if not exists(session, lake, name)]:
        raise MissingTablesError(*missing)
    unready = set()
    for table in tables:
        try:
            create_table(session, lake, table)
        except Exception as error:
            if not is_of_spark(error):
                raise
            failure = failure_of(Job(table.name, (table.name,), table.name), lake, error)
            if failed is None:
                raise JobsFailedError(failure) from error
            failed(failure)
            unready.add(table.name)
    return frozenset(unready)


def catch_up(
    session: SparkSession,
    lake: Lake,
    listener: Listener | None = None,
    stopping: Callable[[], bool] = lambda: False,
    without: Collection[str] = (),
) -> tuple[Failure, ...]:
    """Bring every table up to bronze as it is now and return the failures.

    A job that fails stops no other job, except those that follow its changes.

    Args:
        stopping: called before each job and each batch; `True` ends the run.
        without: jobs that are left out, as if they had failed.

    Raises:
        RunStoppedError: `stopping` returned `True`.
        JvmEndedError: Spark's JVM has ended.
    """
    listener = listener or Listener()
    failures: list[Failure] = []
    out = set(without)

    def attempt(job: Job, work: Callable[[], object]) -> None:
        if stopping():
            raise RunStoppedError(job.name)
        try:
            work()
        except Exception as error:
            if not is_of_spark(error):
                raise
            out.add(job.name)
            failures.append(failure_of(job, lake, error))
            listener.failed(failures[-1])
        else:
            listener.succeeded(job.name)

    for query in QUERIES:
        if query.name in out:
            continue
        if out.isdisjoint(query.after):
            run = partial(run_available, session, lake, query, listener.batch, stopping)
            attempt(Job(query.name, query.sources, rebuilt_with(query)), run)
        else:
            out.add(query.name)
    if DIM_DATE.name not in out:
        attempt(CALENDAR, partial(dim_date.extend, session, lake))
    return tuple(failures)


def rebuilt_with(query: Query) -> str:
    """Return the table whose rebuild starts the query over."""
    return query.target if query.target in _STAR_NAMES else query.sources[0]


def run_once(
    session: SparkSession, lake: Lake, report: Callable[[BatchDone], None] = lambda _: None
) -> None:
    """Create the missing tables and bring every table up to bronze as it is now.

    Raises:
        MissingTablesError: a bronze table is missing.
        JobsFailedError: jobs failed; the others are done.
    """
    prepare(session, lake)
    if failures := catch_up(session, lake, Listener(batch=report)):
        raise JobsFailedError(*failures)


def main() -> None:
    """Run the jobs under spark-submit; print one JSON line per batch or failure."""
    parser = argparse.ArgumentParser(description="Bring the star up to bronze.")
    parser.add_argument("lake", help="the folder or address of the tables")
    parser.add_argument(
        "--every", type=float, help="keep running, with a pause of this many seconds between rounds"
    )
    arguments = parser.parse_args()
    lake = Lake(arguments.lake.rstrip("/"))
    session = cluster_session("storyline-lake")
    prepare(session, lake)
    while True:
        failures = catch_up(session, lake, Listener(batch=_print, failed=_print))
        if arguments.every is None:
            break
        time.sleep(arguments.every)
    session.stop()
    if failures:
        sys.exit(1)


def _print(done: BatchDone | Failure) -> None:
    line = asdict(done)
    line.pop("detail", None)
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
