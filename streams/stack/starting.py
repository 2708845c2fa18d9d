"""Starts servers side by side, each as soon as what it depends on is ready."""

import time
from collections import deque
from pathlib import Path

from streams.errors import UserError
from streams.stack import supervisor
from streams.stack.config import StackConfig
from streams.stack.launching import OUTPUT
from streams.stack.report import Report
from streams.stack.service import Service

_POLL_SECONDS = 0.1
_TAIL_LINES = 12


def start_all(config: StackConfig, services: tuple[Service, ...], report: Report) -> None:
    """Return when every one answers. Raises UserError at the first that fails."""
    ready: set[str] = set()
    started: dict[str, float] = {}
    while True:
        programs = supervisor.programs(config)
        for service in services:
            if service.name in ready:
                continue
            if service.name not in started:
                needed = {name for name in service.depends_on if name not in ready}
                if needed:
                    report.server(service.name, f"waits for {', '.join(sorted(needed))}", 0)
                    continue
                started[service.name] = time.monotonic()
                supervisor.start_program(config, service.name)
                report.server(service.name, "starting", 0)
                continue
            seconds = time.monotonic() - started[service.name]
            _refuse_failed(config, service, programs[service.name], seconds)
            if answers(config, service):
                ready.add(service.name)
                report.server(service.name, "ready", seconds)
            else:
                report.server(service.name, "starting", seconds)
        if len(ready) == len(services):
            return
        time.sleep(_POLL_SECONDS)


def answers(config: StackConfig, service: Service) -> bool:
    """Whether the server is ready for clients now."""
    try:
        service.probe(config.ports[service.ports[0]])
    except OSError:
        return False
    return True


def _refuse_failed(
    config: StackConfig, service: Service, program: supervisor.Program, seconds: float
) -> None:
    if program.state == "FATAL":
        reason = "does not start: it ended again and again"
    elif seconds > service.start_seconds:
        reason = f"is not ready after {service.start_seconds:.0f} s"
        supervisor.stop_program(config, service.name)
    else:
        return
    log = failure_log(config, service)
    lines = "\n".join(f"    {line}" for line in tail(log, _TAIL_LINES))
    raise UserError(f"{service.name} {reason}; its log is {log}\n{lines}".rstrip())


def failure_log(config: StackConfig, service: Service) -> Path:
    """Of the server's own log and its output, the one written to last."""
    folder = config.folder(service.name) / "log"
    candidates = [path for path in (folder / OUTPUT, folder / service.log) if path.exists()]
    written = [path for path in candidates if path.stat().st_size]
    return max(written, key=lambda path: path.stat().st_mtime, default=folder / OUTPUT)


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """The last lines of a text file; none if it is not there."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return tuple(line.rstrip("\n") for line in deque(file, maxlen=lines))
    except FileNotFoundError:
        return ()
