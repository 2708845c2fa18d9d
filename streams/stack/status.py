"""How each program of a stack is doing."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from streams.errors import NEEDS_A_PERSON
from streams.stack import launching, orphans, supervisor
from streams.stack.config import StackConfig
from streams.stack.service import Service, Worker
from streams.stack.starting import answers


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """One line of `storyline status`."""

    name: str
    kind: str
    """`server` or `worker`."""
    state: str
    """ready, running (a worker), starting, restarting, stopping, stopped, failed, or orphaned."""
    pid: int | None
    ports: dict[str, int]
    memory_bytes: int | None
    """Resident size, with that of child processes; what they share counts once."""
    uptime_seconds: float | None
    version: str
    log: Path


def statuses(
    config: StackConfig, services: tuple[Service, ...], workers: tuple[Worker, ...]
) -> tuple[ProgramStatus, ...]:
    """Servers, then workers. Servers that run are asked whether they are ready."""
    try:
        programs = supervisor.programs(config)
    except supervisor.SupervisorDownError:
        programs = {}
    rows = [
        _row(
            config,
            service.name,
            programs.get(service.name),
            service=service,
        )
        for service in services
    ]
    rows += [_row(config, worker.name, programs.get(worker.name)) for worker in workers]
    return tuple(rows)


def log_path(config: StackConfig, name: str, service: Service | None) -> Path:
    """The log that `storyline logs` shows."""
    if service is None:
        return config.folder(name) / launching.WORKER_LOG
    return service.log_file(config.folder(name))


def _row(
    config: StackConfig,
    name: str,
    program: supervisor.Program | None,
    *,
    service: Service | None = None,
) -> ProgramStatus:
    pid, state = _state(config, name, program, service)
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
    config: StackConfig, name: str, program: supervisor.Program | None, service: Service | None
) -> tuple[int | None, str]:
    if program is None or not program.pid:
        left = orphans.holders(launching.lock_file(config, name))
        if left:
            return left[0].pid, "orphaned"
        return None, _ended(program) if program else "stopped"
    if program.state == "STOPPING":
        return program.pid, "stopping"
    if service is not None:
        return program.pid, "ready" if answers(config, service) else "starting"
    return program.pid, "running" if program.state == "RUNNING" else "starting"


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
    """Of one process its resident size, of several what they share divided among them."""
    if len(family) == 1:
        return int(family[0].memory_info().rss)
    return sum(map(_proportional, family))


def _proportional(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0
