"""Status of each program of a stack."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from streams import host
from streams.errors import NEEDS_A_PERSON
from streams.parallel_calls import answers
from streams.stack.config import StackConfig
from streams.stack.service import Service, WorkerService
from streams.stack.supervision import launch_files, orphans, supervisor
from streams.stack.supervision.start import answers as is_ready
from streams.stack.supervision.supervisord_conf import NAME, log_file

_PROBE_S: Final = 5.0
"""Seconds in which all servers, asked at the same time, must answer."""


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """One line of `storyline status`."""

    name: str
    kind: str
    """`server`, `worker`, or `supervisor`, which has a row only if it does not answer."""
    state: str
    """ready, running (a worker), starting, restarting, stopping, stopped, failed, orphaned, or
    silent (the supervisor)."""
    pid: int | None
    ports: dict[str, int]
    memory_bytes: int | None
    """Resident size, with that of child processes; memory that they share counts once."""
    uptime_seconds: float | None
    version: str
    log: Path


def statuses(
    config: StackConfig, services: tuple[Service, ...], workers: tuple[WorkerService, ...]
) -> tuple[ProgramStatus, ...]:
    """Return the status of servers, then workers. Running servers are probed at the same time.

    If the supervisor does not answer, the locks that programs hold show which of them run.
    """
    rows: list[ProgramStatus] = []
    programs: dict[str, supervisor.Program] | None = {}
    try:
        programs = supervisor.programs(config)
    except supervisor.SupervisorDownError:
        pass
    except supervisor.SupervisorSilentError:
        programs = None
        rows.append(_silent_supervisor(config))
    ready_answers = answers([partial(is_ready, config, service) for service in services], _PROBE_S)
    ready = {
        service.name
        for service, answer in zip(services, ready_answers, strict=True)
        if answer is True
    }
    rows += [
        _row(config, service.name, programs, service=service, ready=service.name in ready)
        for service in services
    ]
    rows += [_row(config, worker.name, programs) for worker in workers]
    return tuple(rows)


def _silent_supervisor(config: StackConfig) -> ProgramStatus:
    return ProgramStatus(
        name=NAME,
        kind="supervisor",
        state="silent",
        pid=None,
        ports={},
        memory_bytes=None,
        uptime_seconds=None,
        version="",
        log=log_file(config),
    )


def log_path(config: StackConfig, name: str, service: Service | None) -> Path:
    """Return the log that `storyline logs` shows."""
    if service is None:
        return config.folder(name) / launch_files.WORKER_LOG
    return service.log_file(config.folder(name))


def _row(
    config: StackConfig,
    name: str,
    programs: Mapping[str, supervisor.Program] | None,
    *,
    service: Service | None = None,
    ready: bool = False,
) -> ProgramStatus:
    up = "running" if service is None else "ready" if ready else "starting"
    pid, state = _state(config, name, programs, up)
    memory, uptime = _measure(pid)
    return ProgramStatus(
        name=name,
        kind="worker" if service is None else "server",
        state=state,
        pid=pid,
        ports={} if service is None else {port: config.ports[port] for port in service.ports},
        memory_bytes=memory,
        uptime_seconds=uptime,
        version="" if service is None else service.version,
        log=log_path(config, name, service),
    )


def _state(
    config: StackConfig, name: str, programs: Mapping[str, supervisor.Program] | None, up: str
) -> tuple[int | None, str]:
    """Return process id and state; `up` is the state of a program that runs."""
    program = None if programs is None else programs.get(name)
    if program is None or not program.pid:
        left = orphans.holders(launch_files.lock_file(config, name))
        if left:
            return left[0].pid, up if programs is None else "orphaned"
        return None, _ended(program) if program else "stopped"
    if program.state == "STOPPING":
        return program.pid, "stopping"
    if up == "running" and program.state != "RUNNING":
        return program.pid, "starting"
    return program.pid, up


def _ended(program: supervisor.Program) -> str:
    if program.state == "EXITED" and program.exit_code == NEEDS_A_PERSON:
        return "failed"
    states = {"FATAL": "failed", "BACKOFF": "restarting", "EXITED": "restarting"}
    return states.get(program.state, "stopped")


def _measure(pid: int | None) -> tuple[int | None, float | None]:
    if pid is None:
        return None, None
    try:
        process = psutil.Process(pid)
        family = (process, *process.children(recursive=True))
        return _resident(family), time.time() - process.create_time()
    except psutil.Error:
        return None, None


def _resident(family: tuple[psutil.Process, ...]) -> int:
    """Return the resident size of one process; of several, divide shared memory among them."""
    if len(family) == 1:
        return int(family[0].memory_info().rss)
    return sum(map(_proportional, family))


def _proportional(process: psutil.Process) -> int:
    try:
        return host.proportional_bytes(process)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0
