"""Start of servers in parallel, each as soon as those it depends on are ready."""

import time
from collections import deque
from pathlib import Path

from streams.errors import UserError
from streams.stack.config import StackConfig
from streams.stack.report import Report
from streams.stack.service import Service, WorkerService
from streams.stack.supervision import supervisor
from streams.stack.supervision.launch_files import OUTPUT, WORKER_LOG

_POLL_SECONDS = 0.1
_TAIL_LINES = 12
_STARTS = 3
"""Number of starts after which a program that keeps ending will not come up."""
_WORKER_SECONDS = 60


def start_all(config: StackConfig, services: tuple[Service, ...], report: Report) -> None:
    """Start the servers and return when every one answers.

    Raises:
        UserError: a server fails; raised for the first one, with the end of its log.
    """
    pending = {service.name: _Start(service.name) for service in services}
    ready: set[str] = set()
    while True:
        programs = supervisor.programs(config)
        for service in services:
            if service.name in ready:
                continue
            start = pending[service.name]
            needed = {name for name in service.depends_on if name not in ready}
            if needed:
                report.server(service.name, f"waits for {', '.join(sorted(needed))}", 0)
            elif start.since is None:
                start.ask(config)
                report.server(service.name, "starting", 0)
            elif answers(config, service):
                ready.add(service.name)
                report.server(service.name, "ready", start.seconds)
            else:
                report.server(service.name, "starting", start.seconds)
                start.refuse_failure(
                    config,
                    programs[service.name],
                    service.start_seconds,
                    failure_log(config, service),
                )
        if len(ready) == len(services):
            return
        time.sleep(_POLL_SECONDS)


def start_workers(config: StackConfig, workers: tuple[WorkerService, ...], report: Report) -> None:
    """Start the workers and return when every one has stayed up as long as the supervisor requires.

    Raises:
        UserError: a worker fails; raised for the first one, with the end of its log.
    """
    pending = {worker.name: _Start(worker.name) for worker in workers}
    for start in pending.values():
        start.ask(config)
    while pending:
        programs = supervisor.programs(config)
        for name, start in tuple(pending.items()):
            if programs[name].state == "RUNNING":
                report.server(name, "running", start.seconds)
                del pending[name]
            else:
                report.server(name, "starting", start.seconds)
                log = config.folder(name) / WORKER_LOG
                start.refuse_failure(config, programs[name], _WORKER_SECONDS, log)
        time.sleep(_POLL_SECONDS)


class _Start:
    """Start of one program, in progress."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.since: float | None = None
        self._pids: set[int] = set()

    @property
    def seconds(self) -> float:
        return 0 if self.since is None else time.monotonic() - self.since

    def ask(self, config: StackConfig) -> None:
        self.since = time.monotonic()
        supervisor.start_program(config, self.name)

    def refuse_failure(
        self, config: StackConfig, program: supervisor.Program, limit: float, log: Path
    ) -> None:
        """Stop the program and raise `UserError` if it keeps ending or exceeds `limit` seconds."""
        self._pids.add(program.pid)
        if program.state == "FATAL" or len(self._pids - {0}) >= _STARTS:
            reason = "does not start: it ended again and again"
        elif self.seconds > limit:
            reason = f"is not ready after {limit:.0f} s"
        else:
            return
        supervisor.stop_program(config, self.name)
        lines = "\n".join(f"    {line}" for line in tail(log, _TAIL_LINES))
        raise UserError(f"{self.name} {reason}; its log is {log}\n{lines}".rstrip())


def answers(config: StackConfig, service: Service) -> bool:
    """Return whether the server is ready for clients now."""
    try:
        service.probe(config.ports[service.ports[0]])
    except OSError:
        return False
    return True


def failure_log(config: StackConfig, service: Service) -> Path:
    """Return the server's own log or its output, whichever was written last."""
    folder = config.folder(service.name)
    output = folder / "log" / OUTPUT
    candidates = [path for path in (output, service.log_file(folder)) if path.exists()]
    written = [path for path in candidates if path.stat().st_size]
    return max(written, key=lambda path: path.stat().st_mtime, default=output)


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """Return up to `lines` last lines of a text file; `()` if it does not exist."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return tuple(line.rstrip("\n") for line in deque(file, maxlen=lines))
    except FileNotFoundError:
        return ()
