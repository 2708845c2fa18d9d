"""Workers that announced themselves: asked side by side, silent ones shown, dead ones forgotten."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from streams.app.workers.run_files import run_file, worker_counters, worker_reports
from streams.parallel_calls import answers
from streams.runtime.monitoring.blockages import Blockage
from streams.runtime.monitoring.endpoint import BlockedRecord, Health, serve
from streams.runtime.monitoring.metrics import Metrics

ANSWERING = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
print(server.server_port, flush=True)
server.serve_forever()
"""
BLOCKAGE = Blockage("t", 1, 7, exact=True, step="apply", reason="away", since=100.0, tries=2)


def announce(home: Path, name: str, **told: object) -> Path:
    folder = home / "run" / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    given = {"group": name, "pid": os.getpid(), "metrics": "", "host": socket.gethostname(), **told}
    path.write_bytes(orjson.dumps(given))
    return path


@pytest.fixture
def well(tmp_path: Path) -> Iterator[None]:
    """A worker in this process that answers, and waits at a record."""
    metrics = Metrics("storyline-v1-graph")
    metrics.consumed("t", 2)
    metrics.applied("t", 2)
    blocked = Health("g", ("waits",), (BlockedRecord(BLOCKAGE, 75.0, overdue=True),))
    port = serve("127.0.0.1", 0, metrics.registry, lambda: blocked)
    address = f"http://127.0.0.1:{port}"
    with run_file(tmp_path, "storyline-v1-graph", f"{address}/metrics", f"{address}/healthz"):
        yield


@pytest.mark.usefixtures("well")
def test_a_stopped_worker_is_one_silent_report_in_time_and_the_others_answer(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen([sys.executable, "-c", ANSWERING], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        for name in ("posts", "stories", "lake"):
            announce(tmp_path, name, pid=process.pid, metrics=f"http://127.0.0.1:{port}/metrics")
        os.kill(process.pid, signal.SIGSTOP)
        began = time.monotonic()
        reports = {report.group: report for report in worker_reports(tmp_path, within_s=0.5)}
        assert time.monotonic() - began < 1.4  # not one after the other
        assert {name for name, told in reports.items() if told.silent} == {
            "posts",
            "stories",
            "lake",
        }
        assert reports["posts"].silent == "does not answer"
        assert reports["posts"].pid == process.pid
        (tally,) = reports["storyline-v1-graph"].counters
        assert (tally.topic, tally.counters.consumed) == ("t", 2)
        assert len(worker_counters(tmp_path)) == 1
        assert len(list((tmp_path / "run/workers").glob("*.json"))) == 4
    finally:
        process.kill()
        process.wait()
    assert [report.group for report in worker_reports(tmp_path)] == ["storyline-v1-graph"]
    assert len(list((tmp_path / "run/workers").glob("*.json"))) == 1


@pytest.mark.usefixtures("well")
def test_the_record_that_a_worker_waits_at_is_read_from_its_health(tmp_path: Path) -> None:
    (report,) = worker_reports(tmp_path)
    (record,) = report.waiting
    assert (record.group, record.pid) == ("storyline-v1-graph", os.getpid())
    assert (record.topic, record.partition, record.offset, record.exact) == ("t", 1, 7, True)
    assert (record.since, record.seconds, record.overdue) == (100.0, 75.0, True)
    assert (record.step, record.reason) == ("apply", "away")


def test_a_process_that_took_the_number_of_a_dead_one_is_another(tmp_path: Path) -> None:
    path = announce(tmp_path, "old", started=1.0)
    assert worker_reports(tmp_path) == []
    assert not path.exists()


def test_a_damaged_run_file_is_removed(tmp_path: Path) -> None:
    path = announce(tmp_path, "cut")
    path.write_bytes(path.read_bytes()[:-5])
    assert worker_reports(tmp_path) == []
    assert not path.exists()


def test_a_file_of_another_machine_is_kept_whatever_runs_here(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/metrics"
        path = announce(tmp_path, "far", host="elsewhere", pid=2**22 + 1, metrics=url)
        (report,) = worker_reports(tmp_path)
    assert report.silent.startswith("does not answer: ")
    assert path.exists()


def test_an_answer_that_is_no_workers_is_said_to_be_something_else(tmp_path: Path) -> None:
    port = serve("127.0.0.1", 0, Metrics("g").registry, lambda: Health("g"))
    address = f"http://127.0.0.1:{port}"
    announce(tmp_path, "odd", metrics=f"{address}/metrics", health=f"{address}/metrics")
    (report,) = worker_reports(tmp_path)
    assert report.silent.startswith("answers with something else")


def test_each_question_has_its_own_answer_error_or_time_out() -> None:
    def late() -> str:
        time.sleep(5)
        return "late"

    def fails() -> str:
        raise LookupError("no")

    one, two, three = answers([lambda: "one", fails, late], 0.2)
    assert one == "one"
    assert isinstance(two, LookupError)
    assert isinstance(three, TimeoutError)
    assert answers([], 1) == []
