"""How each program of a stack is doing."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

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
    """Resident size."""
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
    return config.folder(name) / "log" / service.log


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
        states = {"FATAL": "failed", "BACKOFF": "restarting", "EXITED": "restarting"}
        return None, states.get(program.state, "stopped") if program else "stopped"
    if program.state == "STOPPING":
        return program.pid, "stopping"
    if service is not None:
        return program.pid, "ready" if answers(config, service) else "starting"
    return program.pid, "running" if program.state == "RUNNING" else "starting"


def _measure(pid: int | None) -> tuple[int | None, float | None]:
    if pid is None:
        return None, None
    try:
        process = psutil.Process(pid)
        return process.memory_info().rss, time.time() - process.create_time()
    except psutil.Error:
        return None, None
