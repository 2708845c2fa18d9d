"""Running several agents, one child process each; when one ends, all end."""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import NamedTuple

import structlog

from streams.errors import UserError

_POLL_S = 0.2

log = structlog.get_logger(__name__)


class _Child(NamedTuple):
    name: str
    process: subprocess.Popen[bytes]


def run_agents(
    names: Sequence[str], command: Sequence[str], *, stop_within_s: float = 40.0
) -> None:
    """Run `command NAME` for each name until SIGTERM or SIGINT, then stop them all.

    None is started again: where one ends by itself the others are stopped too, and UserError says
    which it was. A child that does not stop in time is killed.
    """
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    children: list[_Child] = []
    try:
        children.extend(
            _Child(name, subprocess.Popen([*command, name]))  # noqa: S603
            for name in names
        )
        ended = _first_to_end(children, stopping)
    finally:
        killed = _stop_all(children, stop_within_s)
    if ended is not None:
        raise UserError(
            f"the worker {ended.name} ended by itself (exit code {ended.process.returncode}); "
            "the others were stopped",
            hint="its last lines above say why",
        )
    if killed:
        raise UserError(f"killed for not stopping in time: {', '.join(killed)}")


def this_command() -> list[str]:
    """The command line that runs one agent by the interpreter and code of this process."""
    return [sys.executable, "-m", "streams.cli.main", "run"]


def _first_to_end(children: Sequence[_Child], stopping: threading.Event) -> _Child | None:
    while not stopping.wait(_POLL_S):
        for child in children:
            if child.process.poll() is not None:
                return child
    return None


def _stop_all(children: Sequence[_Child], stop_within_s: float) -> list[str]:
    """Ends every child; returns the names of those that had to be killed."""
    for child in children:
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGTERM)
    killed = []
    for child in children:
        try:
            child.process.wait(stop_within_s)
        except subprocess.TimeoutExpired:
            log.error("killed", worker=child.name)
            child.process.kill()
            child.process.wait()
            killed.append(child.name)
    return killed
