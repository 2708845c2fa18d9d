"""Client of a stack's supervisor: supervisord, over a socket that only its owner may open.

supervisord reaps and restarts. Every program under it is the exec wrapper, `exec_under_lock`, so
its configuration does not change with the servers' settings.
"""

import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.errors import UserError
from streams.stack.config import StackConfig
from streams.stack.service import Service, WorkerService
from streams.stack.supervision.launch_files import clean_env
from streams.stack.supervision.supervisord_conf import (
    NAME,
    choose_socket,
    config_file,
    log_file,
    recorded_socket,
    render,
)

_START_SECONDS = 20
_REPLY_SECONDS = 10


class SupervisorDownError(Exception):
    """This stack has no supervisor that answers."""


class SupervisorSilentError(UserError):
    """The supervisor runs but does not answer."""


@dataclass(frozen=True, slots=True)
class Program:
    """State of one program, as the supervisor reports it."""

    name: str
    state: str
    """STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL or UNKNOWN."""
    pid: int
    """`0` if there is no process."""
    started: float
    """Unix time of the last start."""
    reason: str
    """Reason why it is not running, in the supervisor's words."""
    exit_code: int
    """Exit code of its last end; `0` if it never ended."""


def start(
    config: StackConfig, services: tuple[Service, ...], workers: tuple[WorkerService, ...]
) -> None:
    """Start supervisord and wait until it answers. The caller holds the stack's lock.

    Raises:
        UserError: it does not start or does not answer in time.
    """
    folder = config.folder(NAME)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for worker in workers:
        config.folder(worker.name).mkdir(exist_ok=True)
    forget_socket(config)
    text = render(config, choose_socket(config), services, workers)
    config_file(config).write_text(text, encoding="utf-8")
    command = (sys.executable, "-m", "supervisor.supervisord", "-c", str(config_file(config)))
    answer = subprocess.run(  # noqa: S603
        command,
        env=clean_env(folder),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        output = answer.stdout.strip().splitlines()[:1] or [f"status {answer.returncode}"]
        raise UserError(
            f"the supervisor does not start: {output[0]}",
            hint="`storyline logs supervisor` may say more",
        )
    deadline = time.monotonic() + _START_SECONDS
    while not running(config):
        if time.monotonic() > deadline:
            raise UserError(
                f"the supervisor does not answer; its log is {log_file(config)}",
                hint="read the log, then run `storyline down` and `storyline up`",
            )
        time.sleep(0.05)


def forget_socket(config: StackConfig) -> None:
    """Remove the socket that a stopped or killed supervisor left, and its private directory."""
    path = recorded_socket(config)
    if path is None:
        return
    path.unlink(missing_ok=True)
    if path.parent != config.folder(NAME) and path.parent.exists():
        path.parent.rmdir()


class _Transport(xmlrpc.client.Transport):
    """XML-RPC transport over a Unix socket, with a time limit."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> Any:
        import http.client

        link = http.client.HTTPConnection("localhost", timeout=_REPLY_SECONDS)
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.settimeout(_REPLY_SECONDS)
        try:
            plain.connect(str(self._path))
        except OSError:
            plain.close()
            raise
        link.sock = plain
        link.auto_open = 0
        self._connection = host, link
        return link


@contextmanager
def _remote(config: StackConfig) -> Iterator[Any]:
    path = recorded_socket(config)
    if path is None or not path.exists():
        raise SupervisorDownError
    try:
        with xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(path)) as proxy:
            yield proxy.supervisor
    except (ConnectionRefusedError, FileNotFoundError, ConnectionResetError) as error:
        raise SupervisorDownError from error
    except TimeoutError as error:
        raise SupervisorSilentError(
            f"the supervisor hangs; its log is {log_file(config)}",
            hint="kill it, then run `storyline down`",
        ) from error


def running(config: StackConfig) -> bool:
    """Return whether this stack's supervisor answers."""
    return pid(config) is not None


def pid(config: StackConfig) -> int | None:
    """Return the supervisor's process id, `None` if there is no supervisor."""
    try:
        with _remote(config) as remote:
            return int(remote.getPID())
    except SupervisorDownError:
        return None


def programs(config: StackConfig) -> dict[str, Program]:
    """Return every program by name.

    Raises:
        SupervisorDownError: there is no supervisor.
        SupervisorSilentError: it runs but does not answer in time.
    """
    with _remote(config) as remote:
        answers: list[dict[str, Any]] = remote.getAllProcessInfo()
    return {
        answer["name"]: Program(
            name=answer["name"],
            state=answer["statename"],
            pid=answer["pid"],
            started=float(answer["start"]),
            reason=answer["spawnerr"] or answer["description"],
            exit_code=answer["exitstatus"],
        )
        for answer in answers
    }


def start_program(config: StackConfig, name: str) -> None:
    """Request a start and return at once, also if the program runs already."""
    _ask(config, "startProcess", name, already=60)


def stop_program(config: StackConfig, name: str) -> None:
    """Request a stop and return at once, also if the program does not run."""
    _ask(config, "stopProcess", name, already=70)


def _ask(config: StackConfig, method: str, name: str, *, already: int) -> None:
    with _remote(config) as remote:
        try:
            getattr(remote, method)(name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != already:
                raise UserError(
                    f"the supervisor says of {name}: {fault.faultString}",
                    hint="run `storyline down`, then `storyline up`",
                ) from fault
