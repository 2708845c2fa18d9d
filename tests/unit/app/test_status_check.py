"""`storyline status --check`: what is well, and what is not."""

import json
from pathlib import Path

import pytest

from streams.app.workers import run_files
from streams.app.workers.run_files import WaitingRecord, WorkerReport
from streams.stack.stack import Stack
from streams.stack.supervision.status import ProgramStatus
from tests.unit.cli.test_stack_cli import home, run

__all__ = ["home"]

HEALTHY = WorkerReport("storyline-v1-graph", 7)
WAITING = WaitingRecord(
    "storyline-v1-graph", 7, "t", 1, 5, True, 0.0, 61.0, True, "decode", "the registry is away"
)


@pytest.mark.parametrize(
    ("report", "code", "shown"),
    [
        (HEALTHY, 0, ""),
        (HEALTHY._replace(waiting=(WAITING._replace(overdue=False),)), 0, "t:1:5"),
        (HEALTHY._replace(waiting=(WAITING,), unhealthy=("waits",)), 1, "the registry is away"),
        (HEALTHY._replace(silent="does not answer"), 1, "graph (process 7) does not answer"),
        (HEALTHY._replace(unhealthy=("reading stands",)), 1, "graph is unhealthy: reading stands"),
    ],
)
def test_check_fails_for_a_worker_that_waits_too_long_or_is_silent(
    home: Path, monkeypatch: pytest.MonkeyPatch, report: WorkerReport, code: int, shown: str
) -> None:
    rows = (program(home, "kafka", "server", "ready"), program(home, "graph", "worker", "running"))
    monkeypatch.setattr(Stack, "status", lambda _: rows)
    monkeypatch.setattr(run_files, "worker_reports", lambda _: [report])
    monkeypatch.setenv("COLUMNS", "200")
    told_code, output = run("status", "--check")
    assert told_code == code
    assert shown in output
    _, told = json.loads(run("status", "--json")[1])
    assert len(told["waiting"]) == len(report.waiting)
    assert told["silent"] == ([7] if report.silent else [])
    assert told["unhealthy"] == list(report.unhealthy)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("server", "starting"),
        ("supervisor", "silent"),
        ("worker", "failed"),
        ("worker", "restarting"),
    ],
)
def test_check_fails_for_what_does_not_run_as_it_should(
    home: Path, monkeypatch: pytest.MonkeyPatch, kind: str, state: str
) -> None:
    monkeypatch.setattr(Stack, "status", lambda _: (program(home, "odd", kind, state),))
    assert run("status", "--check")[0] == 1


def program(home: Path, name: str, kind: str, state: str) -> ProgramStatus:
    return ProgramStatus(name, kind, state, 1, {}, None, None, "", home / "log")
