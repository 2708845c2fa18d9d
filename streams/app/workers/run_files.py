"""Run files: running workers announce their addresses in them, and other commands ask there."""

import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import psutil

from streams.parallel_calls import answers
from streams.runtime.monitoring.counters import TopicCounters, read_counters

ANSWER_S: Final = 3.0
"""Seconds that a worker has to answer; all workers are asked at the same time."""


class WorkerCounters(NamedTuple):
    """Counters of a running worker for one topic."""

    group: str
    pid: int
    topic: str
    counters: TopicCounters


class WaitingRecord(NamedTuple):
    """A record that a worker waits at, by the worker's own report."""

    group: str
    pid: int
    topic: str
    partition: int
    offset: int
    exact: bool
    """Whether the worker waits at this very record; if not, this is the first candidate."""
    since: float
    """Seconds since the Unix epoch."""
    seconds: float
    overdue: bool
    """Whether the wait is longer than STORYLINE_BLOCKED_AFTER_S of the worker."""
    step: str
    reason: str


class WorkerReport(NamedTuple):
    """Answer of one process that has a run file."""

    group: str
    pid: int
    counters: Sequence[WorkerCounters] = ()
    waiting: Sequence[WaitingRecord] = ()
    silent: str = ""
    """Reason why there is no answer; empty if there is one."""
    unhealthy: Sequence[str] = ()
    """Reasons why the worker is unhealthy: overdue waits and stalls. Empty if it is healthy."""


def _folder(home: Path) -> Path:
    return home.expanduser().absolute() / "run" / "workers"


@contextmanager
def run_file(
    home: Path, group: str, metrics_url: str, health_url: str | None = None
) -> Iterator[None]:
    """Announce this process as a worker of `group` in a run file while the context lasts.

    Args:
        home: Home of the stack.
        group: Consumer group of the worker.
        metrics_url: Address of the metrics.
        health_url: Address of the health report; `None` if the process has none.
    """
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{group}.{os.getpid()}.json"
    written = path.with_suffix(".part")
    announced = {
        "group": group,
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        "host": socket.gethostname(),
        "metrics": metrics_url,
        "health": health_url,
    }
    written.write_bytes(orjson.dumps(announced))
    written.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def worker_counters(home: Path) -> list[WorkerCounters]:
    """Return the counters of every worker that runs under this home and answers."""
    return [counters for report in worker_reports(home) for counters in report.counters]


def worker_reports(home: Path, *, within_s: float = ANSWER_S) -> list[WorkerReport]:
    """Ask every worker that has a run file under this home, all at the same time.

    A worker that does not answer within `within_s` seconds yields a silent report. Run files of
    processes that have ended are removed.
    """
    announced = [
        content for path in sorted(_folder(home).glob("*.json")) if (content := _read(path))
    ]
    results = answers([partial(_ask, content, within_s) for content in announced], within_s)
    return [_report(content, answer) for content, answer in zip(announced, results, strict=True)]


def _read(path: Path) -> dict[str, Any] | None:
    """Return the content of a run file; remove the file and return `None` if its process is gone.

    Run files are renamed into place whole: a damaged one belongs to no process.
    """
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except orjson.JSONDecodeError:
        path.unlink(missing_ok=True)
        return None
    if _has_ended(content):
        path.unlink(missing_ok=True)
        return None
    return content


def _has_ended(content: Mapping[str, Any]) -> bool:
    """Return whether the process is certainly gone; `False` for a process of another host."""
    if content.get("host", socket.gethostname()) != socket.gethostname():
        return False
    try:
        process = psutil.Process(content["pid"])
        started = content.get("started", process.create_time())
        is_other = abs(process.create_time() - started) > 1
        return is_other or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _ask(content: Mapping[str, Any], within_s: float) -> WorkerReport:
    group, pid = content["group"], content["pid"]
    text = _get(content["metrics"], within_s).decode()
    counters = [
        WorkerCounters(group, pid, topic, counters)
        for topic, counters in read_counters(text).items()
    ]
    health = content.get("health")
    answer = orjson.loads(_get(health, within_s)) if health else {"blocked": (), "reasons": ()}
    names = WaitingRecord._fields[2:]
    waiting = [
        WaitingRecord(group, pid, *(record[name] for name in names)) for record in answer["blocked"]
    ]
    return WorkerReport(group, pid, counters, waiting, unhealthy=tuple(answer["reasons"]))


def _get(url: str, within_s: float) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=within_s) as answer:  # noqa: S310 - our own file
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:  # 503 of an unhealthy worker, with a body
            return error.read()


def _report(content: Mapping[str, Any], answer: WorkerReport | Exception) -> WorkerReport:
    """Return a worker's answer; a silent report if there is no answer that can be read."""
    silent = WorkerReport(content["group"], content["pid"])
    match answer:
        case WorkerReport():
            return answer
        case TimeoutError():
            return silent._replace(silent="does not answer")
        case OSError():
            reason = getattr(answer, "reason", answer)
            reason_text = "" if isinstance(reason, TimeoutError) else f": {reason}"
            return silent._replace(silent=f"does not answer{reason_text}")
        case ValueError() | KeyError() | TypeError():
            return silent._replace(silent=f"answers with something else: {answer!r}")
        case _:
            raise answer
