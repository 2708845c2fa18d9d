"""Supervisor of several workers, one child process each; when one ends, it stops all."""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from streams.app.signals import stop_signals
from streams.errors import NEEDS_A_PERSON, UserError

_POLL_S = 0.2

log = structlog.get_logger(__name__)


class WorkerProgram(NamedTuple):
    """A worker's command, and its name in messages."""

    name: str
    command: Sequence[str]


class _Child(NamedTuple):
    name: str
    process: subprocess.Popen[bytes]


def run_all(programs: Sequence[WorkerProgram], *, stop_within_s: float = 40.0) -> None:
    """Run the programs until SIGTERM or SIGINT, then stop them all.

    No program is restarted: if one ends by itself, the others are stopped, too.

    Args:
        programs: Programs to run, one child process each.
        stop_within_s: Seconds after SIGTERM until a child that still runs is killed.

    Raises:
        UserError: a child ended by itself, or had to be killed. The error has the exit code
            `NEEDS_A_PERSON` if the child that ended had it.
    """
    children: list[_Child] = []
    with stop_signals() as stopping:
        try:
            children.extend(
                _Child(name, subprocess.Popen(list(command)))  # noqa: S603
                for name, command in programs
            )
            ended = _first_to_end(children, stopping)
        finally:
            killed = _stop_all(children, stop_within_s)
    if ended is not None:
        code = ended.process.returncode
        raise UserError(
            f"the worker {ended.name} ended by itself (exit code {code}); the others were stopped",
            hint="its last lines above say why",
            exit_code=code if code == NEEDS_A_PERSON else 1,
        )
    if killed:
        raise UserError(f"killed for not stopping in time: {', '.join(killed)}")


def worker_programs(names: Sequence[str], count: int, instance: str | None) -> list[WorkerProgram]:
    """Return `count` programs per agent, for the interpreter and code of this process.

    Args:
        names: Names of agents.
        count: Number of processes per agent.
        instance: Name of this machine's workers in their groups; `None` for the settings' name.
    """
    named = () if instance is None else ("--instance", instance)
    run = (sys.executable, "-m", "streams.cli.main", "run")
    return [
        WorkerProgram(
            name if count == 1 else f"{name} {number}",
            (*run, name, "--number", str(number), *named),
        )
        for name in names
        for number in range(count)
    ]


def _first_to_end(children: Sequence[_Child], stopping: threading.Event) -> _Child | None:
    while not stopping.wait(_POLL_S):
        for child in children:
            if child.process.poll() is not None:
                return child
    return None


def _stop_all(children: Sequence[_Child], stop_within_s: float) -> list[str]:
    """Stop every child, and return the names of those that had to be killed."""
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
