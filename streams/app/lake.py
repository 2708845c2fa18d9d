"""Running the Spark jobs of the lake in this process: their JVM, one run at a time, its end."""

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from streams.app.settings import Settings
from streams.app.spark import lake_session
from streams.errors import UserError
from streams.stack.report import Report

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.streaming import BatchDone

_LOCK: Final = "_run.lock"
_FILL: Final = (
    "`storyline run lake` makes and fills them; `storyline up --workers` keeps it running"
)


def run_lake(
    settings: Settings,
    *,
    once: bool,
    every_s: float = 10.0,
    report: Callable[["BatchDone"], None] = lambda _: None,
    downloads: Report | None = None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Bring the star up to bronze, once or every `every_s` seconds until SIGTERM or Ctrl-C.

    `started` is called when Spark is up, `report` after every batch. Either signal lets the batch
    in hand finish. Raises UserError for what a person can put right, among it another run on the
    same lake, and a run `once` that was ended before it was done.
    """
    lake = settings.lake_path
    require_bronze(lake)
    with run_lock(lake):
        session_here = lake_session(settings, "storyline-lake", downloads)
        with _told(), session_here as session, stop_signals() as stopping:
            session.sparkContext.setLogLevel("OFF")  # errors are raised, and told once
            started()
            _run(session, lake, once, every_s, report, stopping)


def _run(
    session: "SparkSession",
    path: Path,
    once: bool,
    every_s: float,
    report: Callable[["BatchDone"], None],
    stopping: threading.Event,
) -> None:
    from jobs.lake import Lake
    from jobs.run import catch_up, prepare
    from jobs.streaming import StoppedError

    lake = Lake(str(path))
    prepare(session, lake)
    try:
        while not stopping.is_set():
            catch_up(session, lake, report, stopping.is_set)
            if once:
                return
            stopping.wait(every_s)
    except StoppedError:
        pass
    if once:
        raise UserError(
            "ended before all was done", hint="nothing is lost: the next run goes on from here"
        )


def require_bronze(lake: Path) -> None:
    """Raises UserError where tables that the jobs read are missing; starts no Spark for it."""
    from jobs.run import BRONZE_READ

    missing = [name for name in BRONZE_READ if not (lake / name / "_delta_log").is_dir()]
    if missing:
        raise UserError(f"the lake at {lake} has no table {', '.join(missing)}", hint=_FILL)


@contextmanager
def run_lock(lake: Path) -> Iterator[None]:
    """Hold the lake for this run. The kernel lets go of it when the process ends, however."""
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


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set; a second one ends the process as usual."""
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler
        stopping.set()
        signal.signal(signal.SIGTERM, before[signal.SIGTERM])
        signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        for number in before:
            signal.signal(number, stop)
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _told() -> Iterator[None]:
    """Errors of the jobs and of Spark in one line; the whole of them is the cause."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    from jobs.queries import UnbalancedError
    from jobs.run import MissingTablesError

    try:
        yield
    except MissingTablesError as error:
        raise UserError(f"the lake has no table {', '.join(error.args)}", hint=_FILL) from error
    except UnbalancedError as error:
        raise UserError(
            f"stopped, for rows do not add up: {error}",
            hint="this should not happen; docs/operations/lake.md says how to make the star anew",
        ) from error
    except (PySparkException, Py4JError) as error:
        raise UserError(
            f"Spark: {shortened(error)}",
            hint="what was committed stands, and the next run goes on; --debug shows the whole",
        ) from error


def shortened(error: BaseException) -> str:
    """The cause that Spark names, in one line: Java wraps it in others."""
    cause = getattr(error, "java_exception", None)
    if cause is None:
        return _first_line(str(error))
    while (inner := cause.getCause()) is not None:
        cause = inner
    return _first_line(str(cause.getMessage() or cause.toString()))


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "no reason told"
