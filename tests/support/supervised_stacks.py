"""Small stacks under supervision, and what can be seen of them."""

import time
from collections.abc import Callable

import psutil
import pytest
from typer.testing import CliRunner

from streams.app.settings import settings
from streams.cli.main import app
from streams.stack.report import Silent
from streams.stack.stack import Stack
from streams.stack.supervision import orphans, supervisor
from streams.stack.supervision.status import ProgramStatus

Make = Callable[..., Stack]


def processes(stack: Stack) -> list[psutil.Process]:
    """Whatever runs under the stack's home, or for it."""
    home = str(stack.config.home)
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and (
                any(home in part for part in process.cmdline()) or process.cwd().startswith(home)
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


def row(stack: Stack, name: str) -> ProgramStatus:
    return next(row for row in stack.status() if row.name == name)


def pid(stack: Stack, name: str) -> int:
    found = row(stack, name).pid
    assert found is not None
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def status_output(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what `storyline status` prints of a stack."""
    with monkeypatch.context() as patch:
        patch.setenv("STORYLINE_HOME", str(stack.config.home))
        patch.setenv("COLUMNS", "200")
        patch.setattr("streams.app.stack.local_stack", lambda _: stack)
        settings.cache_clear()
        ended = CliRunner().invoke(app, ["status"], catch_exceptions=False)
    settings.cache_clear()
    assert ended.exit_code == 0
    return ended.output


def kill_supervisor(stack: Stack) -> None:
    process = psutil.Process(supervisor.pid(stack.config))
    process.kill()
    assert orphans.wait((process,), 10) == ()


class Told(Silent):
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.order: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def server(self, name: str, state: str, seconds: float) -> None:  # noqa: ARG002
        if (name, state) not in self.order:
            self.order.append((name, state))

    def note(self, text: str) -> None:
        self.notes.append(text)
