"""What a server is to the stack: an entry of one declared list."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from streams.stack.config import StackConfig


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes (2^20 bytes)."""

    at_rest: int
    """Resident size that an idle server stays under."""
    heap_start: int = 0
    heap_max: int = 0
    direct_max: int = 0


@dataclass(frozen=True, slots=True)
class InitCommand:
    """A command that makes an empty data directory; run again if it was interrupted."""

    command: tuple[str, ...]
    data: Path
    """Emptied before the command runs."""
    done: Path
    """Exists once the data directory is usable."""


class User(NamedTuple):
    """For whom root gives up its rights."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """How to start one server: all that the exec wrapper must know."""

    command: tuple[str, ...]
    files: Mapping[Path, str]
    """Configuration files by absolute path, written before the start."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the built environment."""
    first: InitCommand | None = None
    inside: Path | None = None
    """Where the program and the first command run, if not in the server's directory."""
    pid_file: Path | None = None
    """Keeps the program from starting while the process it names lives. Removed before a start
    when that process is not at work `inside`: a killed one may stay a zombie, or its id may belong
    to another by now."""
    user: User | None = None
    """Who the program and the first command run as, if not whoever starts them."""


@dataclass(frozen=True, slots=True)
class ServerPaths:
    """The places a server may use, made before its launch is asked for."""

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
        """Emptied before every start; must not be mounted noexec."""
        return self.folder / "tmp"

    def port(self, name: str) -> int:
        return self.config.ports[name]


Probe = Callable[[int], None]
"""Asks the server on a loopback port; raises OSError while it is not ready."""


@dataclass(frozen=True, slots=True)
class Service:
    """One server: what runs, on which ports, with which settings, and when it is ready."""

    name: str
    product: str
    version: str
    image: str
    """The container image of the same version, for docker-compose.yml."""
    ports: tuple[str, ...]
    """Names of the settings' ports; the first is the one clients use."""
    settings: Mapping[str, str]
    """In the server's own names: the same here and in docker-compose.yml."""
    memory: Memory
    launch: Callable[[ServerPaths], LaunchSpec]
    probe: Probe
    log: str
    """The log file to show, under the server's log directory; of a pattern, the newest match."""
    jars: tuple[str, ...] = ()
    """Sections of the lock."""
    depends_on: tuple[str, ...] = ()
    """Servers that must be ready before this one is started."""
    uses: tuple[str, ...] = ()
    """Servers that it can start without, but works with: started along, and stopped after it."""
    install: Callable[[ServerPaths], None] | None = None
    """Lays out, before each start by `up`, what the server reads beside its configuration."""
    start_seconds: float = 120
    stop_seconds: int = 30
    """After that the server is killed, which all of them survive."""
    stop_signal: signal.Signals = signal.SIGTERM

    def log_file(self, folder: Path) -> Path:
        """The log to show, given the server's directory; it need not be there yet."""
        found = (folder / "log").glob(self.log)
        return max(found, key=lambda path: path.stat().st_mtime, default=folder / "log" / self.log)


@dataclass(frozen=True, slots=True)
class WorkerService:
    """One of the project's own programs, kept running beside the servers."""

    name: str
    command: tuple[str, ...]
    """Runs in the foreground, logs to its output, and ends in good order on SIGTERM."""
    stop_seconds: int = 30
