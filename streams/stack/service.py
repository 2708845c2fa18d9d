"""Declaration of a server: an entry of one list, `streams.stack.services`."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from streams.stack.config import StackConfig


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory sizes of a server in megabytes (2^20 bytes)."""

    at_rest: int
    """Resident size that an idle server stays under."""
    heap_start: int = 0
    heap_max: int = 0
    direct_max: int = 0


@dataclass(frozen=True, slots=True)
class InitCommand:
    """Command that initializes an empty data directory; it runs again if it was interrupted."""

    command: tuple[str, ...]
    data: Path
    """Directory that is emptied before the command runs."""
    done: Path
    """File that exists once the data directory is usable."""


class User(NamedTuple):
    """Account that a program started by root switches to."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """Start of one server: all that the exec wrapper must know."""

    command: tuple[str, ...]
    files: Mapping[Path, str]
    """Configuration files by absolute path, written before the start."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables added to the built environment."""
    first: InitCommand | None = None
    inside: Path | None = None
    """Working directory of the program and the first command, if not the server's directory."""
    pid_file: Path | None = None
    """File that keeps the program from starting while the process it names lives. It is removed
    before a start unless that process works `inside`: a killed process may stay a zombie, or
    another process may have its id by now."""
    user: User | None = None
    """Account of the program and the first command, if not the one that starts them."""
    timer_slack_ns: int | None = None
    """On Linux: by how many nanoseconds a timer of the program may be late, 50,000 by default."""


@dataclass(frozen=True, slots=True)
class ServerPaths:
    """Directories that a server may use, created before it starts."""

    config: StackConfig
    folder: Path
    java: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def tmp(self) -> Path:
        """Directory that is emptied before every start; must not be mounted noexec."""
        return self.folder / "tmp"

    def port(self, name: str) -> int:
        return self.config.ports[name]


Probe = Callable[[int], None]
"""Check of the server on a loopback port; raises `OSError` while it is not ready."""


@dataclass(frozen=True, slots=True)
class Service:
    """Server: what runs, on which ports, with which settings, and when it is ready."""

    name: str
    product: str
    version: str
    image: str
    """Container image of the same version, for docker-compose.yml."""
    ports: tuple[str, ...]
    """Names of the settings' ports; clients use the first."""
    settings: Mapping[str, str]
    """Settings by the server's own names, equal to those in docker-compose.yml."""
    memory: Memory
    launch: Callable[[ServerPaths], LaunchSpec]
    probe: Probe
    log: str
    """Log file to show, under the server's log directory; if a pattern, its newest match."""
    jars: tuple[str, ...] = ()
    """Sections of the lock that the server needs."""
    depends_on: tuple[str, ...] = ()
    """Servers that must be ready before this one is started."""
    uses: tuple[str, ...] = ()
    """Servers that it can start without, but works with: started with it and stopped after it."""
    install: Callable[[ServerPaths], None] | None = None
    """Lays out what the server reads besides its configuration, before each start by `up`."""
    start_seconds: float = 120
    stop_seconds: int = 30
    """Seconds until a stopping server is killed, which all of them survive."""
    stop_signal: signal.Signals = signal.SIGTERM

    def log_file(self, folder: Path) -> Path:
        """Return the log to show, given the server's directory; it need not exist yet."""
        found = (folder / "log").glob(self.log)
        return max(found, key=lambda path: path.stat().st_mtime, default=folder / "log" / self.log)


@dataclass(frozen=True, slots=True)
class WorkerService:
    """One of the project's own programs, which the supervisor keeps running next to the servers."""

    name: str
    command: tuple[str, ...]
    """Command that runs in the foreground, logs to its output, and ends cleanly on SIGTERM."""
    stop_seconds: int = 30
