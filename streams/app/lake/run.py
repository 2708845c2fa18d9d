"""Runner of the lake's Spark jobs in this process: their JVM, the lock of a run, its end."""

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streams.app.lake.failures import FailureLog
from streams.app.lake.removal import finish_removal
from streams.app.lake.spark import lake_session
from streams.app.settings import Settings
from streams.app.signals import stop_signals
from streams.errors import UserError
from streams.stack.report import Report

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.failures import Failure
    from jobs.micro_batches import BatchDone

_LOCK: Final = "_run.lock"
_FILL: Final = (
    "`storyline run lake` makes and fills them; `storyline up --workers` keeps it running"
)


@dataclass(frozen=True, slots=True)
class Reporter:
    """Callbacks with which a run reports its progress."""

    batch: Callable[["BatchDone"], None] = lambda _: None
    failure: Callable[["Failure"], None] = lambda _: None
    """Called when a job begins to fail, or fails for another reason than before."""
    downloads: Report | None = None
    started: Callable[[], None] = lambda: None
    """Called when Spark is up."""


def run_lake(
    settings: Settings, *, once: bool, every_s: float = 10.0, reporter: Reporter | None = None
) -> None:
    """Bring the star up to bronze, once or every `every_s` seconds until SIGTERM or Ctrl-C.

    After either signal the running batch finishes. A job that fails does not block the others, and
    the next round tries it again.

    Args:
        settings: Settings of the lake and of Spark.
        once: Run one round only.
        every_s: Seconds between two rounds.
        reporter: Receives progress.

    Raises:
        UserError: jobs failed, another run works on the lake, or the run was ended before
            everything was done.
    """
    lake = settings.lake_path
    require_bronze(lake)
    reporter = reporter or Reporter()
    with run_lock(lake):
        finish_removal(lake)
        with lake_spark(settings, reporter) as (session, stopping):
            bring_up(session, lake, once, every_s, reporter, stopping)


@contextmanager
def lake_spark(
    settings: Settings, reporter: Reporter
) -> Iterator[tuple["SparkSession", threading.Event]]:
    """Yield a Spark session for the jobs, and an event that SIGTERM and Ctrl-C set.

    Raises:
        UserError: Spark's JVM ended.
    """
    from jobs.failures import JvmEndedError

    # py4j reports a JVM that ends amid a call to the root logger, which prints a traceback if it
    # has no handler; the error itself is raised, and reported below.
    logging.getLogger().addHandler(logging.NullHandler())
    session_here = lake_session(settings, "storyline-lake", reporter.downloads)
    try:
        with session_here as session, stop_signals(second_ends=True) as stopping:
            session.sparkContext.setLogLevel("OFF")  # errors are raised, and reported once
            reporter.started()
            yield session, stopping
    except JvmEndedError as error:
        raise UserError(
            f"Spark's JVM ended during {error}: it was killed, or memory ran out",
            hint="nothing is lost: the next run goes on from here",
        ) from None


def bring_up(
    session: "SparkSession",
    path: Path,
    once: bool,
    every_s: float,
    reporter: Reporter,
    stopping: threading.Event,
) -> None:
    """Run rounds of all jobs until `stopping` is set.

    Args:
        session: Spark session.
        path: Folder of the lake.
        once: Run one round only.
        every_s: Seconds between two rounds.
        reporter: Receives each batch, and failures as they begin (with `once`, every failure).
        stopping: Event that ends the run after the running batch.

    Raises:
        UserError: a table is missing, jobs failed in the last round, or a run with `once` was
            stopped before everything was done.
    """
    from jobs.lake import Lake
    from jobs.micro_batches import RunStoppedError
    from jobs.run import Listener, MissingTablesError, catch_up, prepare
    from streams.contracts.tables import STAR

    lake, log = Lake(str(path)), FailureLog(path)
    is_done = False

    def failed(failure: "Failure") -> None:
        if log.failed(failure) or once:
            reporter.failure(failure)

    listener = Listener(reporter.batch, log.succeeded, failed)
    unready = frozenset(table.name for table in STAR)
    try:
        while not stopping.is_set():
            deleted = {failure.job: failure for failure in deleted_tables(path)}
            for failure in deleted.values():
                failed(failure)
            made = [table for table in STAR if table.name in unready and table.name not in deleted]
            unready = prepare(session, lake, made, failed) | deleted.keys()
            catch_up(session, lake, listener, stopping.is_set, unready)
            is_done = True
            if once:
                break
            stopping.wait(every_s)
    except RunStoppedError:
        is_done = False
    except MissingTablesError as error:
        missing = ", ".join(error.args)
        raise UserError(f"the lake at {lake} has no table {missing}", hint=_FILL) from error
    if log.failures:
        raise UserError(
            f"jobs failed: {', '.join(log.failures)}",
            hint="`storyline lake status` shows why, since when, and what to do",
        )
    if once and not is_done:
        raise UserError(
            "ended before all was done", hint="nothing is lost: the next run goes on from here"
        )


def deleted_tables(lake: Path) -> Iterator["Failure"]:
    """Yield a failure for each table of the star that is gone while its job's checkpoint is not.

    The job would create an empty table without the rows that its checkpoint counts as read.
    """
    from jobs.failures import REBUILD, Failure
    from jobs.run import QUERIES
    from streams.contracts.tables import STAR

    for query in QUERIES:
        table = query.target
        if table in {known.name for known in STAR} and not (lake / table / "_delta_log").is_dir():
            commits = lake / "_checkpoints" / query.name / "commits"
            if any(commits.glob("[0-9]*")):
                message = f"table {table} is gone, and its job would leave out what it has read"
                yield Failure(query.name, message, REBUILD.format(table=table), "")


def require_bronze(lake: Path) -> None:
    """Raise UserError if tables that the jobs read are missing, without starting Spark."""
    from jobs.run import BRONZE_READ

    missing = [name for name in BRONZE_READ if not (lake / name / "_delta_log").is_dir()]
    if missing:
        raise UserError(f"the lake at {lake} has no table {', '.join(missing)}", hint=_FILL)


@contextmanager
def run_lock(lake: Path) -> Iterator[None]:
    """Lock the lake for this run; the kernel releases the lock however the process ends.

    Raises:
        UserError: another run holds the lock.
    """
    with (lake / _LOCK).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"another lake run works on {lake}: process {file.read().strip() or 'unknown'}",
                hint="wait until it is done, or end it with SIGTERM",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)
