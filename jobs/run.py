"""The whole run: every query brings its tables up to bronze, one after the other.

Users come first, so that facts find the versions of their users; then what follows from changed
versions is restated; then content; then the facts. Ended at any point, the next run goes on.

    spark-submit --jars … jobs/run.py LAKE [--every SECONDS]
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
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
from jobs.lake import Lake, create_table, exists
from jobs.queries import Counts, Query, stream_of
from jobs.session import cluster_session
from jobs.streaming import BatchDone, StoppedError, run_available
from streams.contracts.tables import DIM_USERS, STAR

_FILES: Final = 64


def _users(batch: DataFrame, batch_id: int, lake: Lake) -> Counts:
    rows = batch.count()
    return Counts(rows=rows, changed=dim_users.process(batch, batch_id, lake))


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
"""In the order in which they run."""

BRONZE_READ: Final = tuple(
    dict.fromkeys(
        source
        for query in QUERIES
        for source in query.sources
        if source not in {table.name for table in STAR}
    )
)
"""The bronze tables that must be there."""


class MissingTablesError(Exception):
    """Tables that the queries read are not there; `args` are their names."""


def prepare(session: SparkSession, lake: Lake) -> None:
    """Create the star's tables. Raises MissingTablesError where a bronze table is not there."""
    if missing := [name for name in BRONZE_READ if not exists(session, lake, name)]:
        raise MissingTablesError(*missing)
    for table in STAR:
        create_table(session, lake, table)


def catch_up(
    session: SparkSession,
    lake: Lake,
    report: Callable[[BatchDone], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Bring every table up to bronze as it is now. Raises StoppedError when asked to end."""
    for query in QUERIES:
        if stopping():
            raise StoppedError(query.name)
        run_available(session, lake, query, report, stopping)
    dim_date.extend(session, lake)


def run_once(
    session: SparkSession, lake: Lake, report: Callable[[BatchDone], None] = lambda _: None
) -> None:
    """Create what is not there, and bring every table up to bronze as it is now."""
    prepare(session, lake)
    catch_up(session, lake, report)


def main() -> None:
    """What spark-submit runs: one JSON line per batch on standard output."""
    parser = argparse.ArgumentParser(description="Bring the star up to bronze.")
    parser.add_argument("lake", help="the folder or address of the tables")
    parser.add_argument("--every", type=float, help="go on, beginning anew after so many seconds")
    arguments = parser.parse_args()
    lake = Lake(arguments.lake.rstrip("/"))
    session = cluster_session("storyline-lake")
    prepare(session, lake)
    while True:
        catch_up(session, lake, _print)
        if arguments.every is None:
            break
        time.sleep(arguments.every)
    session.stop()


def _print(done: BatchDone) -> None:
    sys.stdout.write(json.dumps(asdict(done)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
