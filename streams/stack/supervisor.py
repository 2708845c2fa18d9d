"""The supervisor of one stack: supervisord, spoken to over a socket that only its owner may open.

supervisord reaps and restarts; every program under it is the exec wrapper of `hold`, so its
configuration does not change with the servers' settings.
"""

import configparser
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.errors import UserError
from streams.stack.config import StackConfig
from streams.stack.launching import WORKER_LOG, clean_env, launch_file, wrapper
from streams.stack.service import Service

NAME = "supervisor"
"""Its directory in the stack's home, and the name of its log."""
_SOCKET_PATH_BYTES = 100
"""The kernel's limit is about 107; the server binds `….sock.<pid>` first."""
_START_SECONDS = 20
_REPLY_SECONDS = 10


class SupervisorDownError(Exception):
    """No supervisor answers for this stack."""


@dataclass(frozen=True, slots=True)
class Program:
    """What the supervisor says of one of its programs."""

    name: str
    state: str
    """STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL or UNKNOWN."""
    pid: int
    """0 when there is no process."""
    started: float
    """Unix time of the last start."""
    reason: str
    """Why it is not running, in the supervisor's words."""


def config_file(config: StackConfig) -> Path:
    return config.folder(NAME) / "supervisord.conf"


def log_file(config: StackConfig) -> Path:
    return config.folder(NAME) / "supervisord.log"


def _socket_path(config: StackConfig) -> Path:
    """In the stack's home if the path is short enough, else in a private directory of its own."""
    path = config.folder(NAME) / "supervisor.sock"
    if len(bytes(path)) + len(".1234567") <= _SOCKET_PATH_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix="storyline-")) / "supervisor.sock"


def _recorded_socket(config: StackConfig) -> Path | None:
    parser = configparser.RawConfigParser()
    if not parser.read(config_file(config), encoding="utf-8"):
        return None
    return Path(parser["unix_http_server"]["file"].replace("%%", "%"))


def render(
    config: StackConfig, socket_path: Path, services: tuple[Service, ...], workers: tuple[str, ...]
) -> str:
    """supervisord.conf. Nothing starts by itself: `up` starts what was asked for."""

    def value(text: object) -> str:
        return str(text).replace("%", "%%")

    def program(name: str, **options: object) -> str:
        command = shlex.join((*wrapper(), str(launch_file(config, name))))
        lines = {
            "command": value(command),
            "autostart": "false",
            "autorestart": "true",
            "startsecs": "3",
            "startretries": "3",
            "killasgroup": "true",
            "redirect_stderr": "true",
            **{key: value(option) for key, option in options.items()},
        }
        return _section(f"program:{name}", lines)

    parts = [
        _section(
            "supervisord",
            {
                "nodaemon": "false",
                "directory": value(config.folder(NAME)),
                "logfile": value(log_file(config)),
                "logfile_maxbytes": "1MB",
                "logfile_backups": "3",
                "pidfile": value(config.folder(NAME) / "supervisord.pid"),
                "childlogdir": value(config.folder(NAME)),
                "minfds": "256",
                "umask": "022",
            },
        ),
        _section("unix_http_server", {"file": value(socket_path), "chmod": "0700"}),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
    ]
    parts += [
        program(
            service.name,
            stdout_logfile="NONE",
            stopsignal=service.stop_signal,
            stopwaitsecs=service.stop_seconds,
        )
        for service in services
    ]
    parts += [
        program(
            group,
            stdout_logfile=config.folder(group) / WORKER_LOG,
            stdout_logfile_maxbytes="10MB",
            stdout_logfile_backups=3,
            stopwaitsecs=30,
            # A worker ends when a server it needs is away: be patient until that is back.
            startretries=20,
        )
        for group in workers
    ]
    return "\n".join(parts)


def _section(name: str, lines: dict[str, str]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={line}\n" for key, line in lines.items())


def start(config: StackConfig, services: tuple[Service, ...], workers: tuple[str, ...]) -> None:
    """Start supervisord and wait until it answers. The caller holds the stack's lock."""
    folder = config.folder(NAME)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for group in workers:
        config.folder(group).mkdir(exist_ok=True)
    forget_socket(config)
    text = render(config, _socket_path(config), services, workers)
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
        said = answer.stdout.strip().splitlines()[:1] or [f"status {answer.returncode}"]
        raise UserError(f"the supervisor does not start: {said[0]}")
    deadline = time.monotonic() + _START_SECONDS
    while not running(config):
        if time.monotonic() > deadline:
            raise UserError(f"the supervisor does not answer; its log is {log_file(config)}")
        time.sleep(0.05)


def forget_socket(config: StackConfig) -> None:
    """Remove the socket that a stopped or killed supervisor left, and its private directory."""
    path = _recorded_socket(config)
    if path is None:
        return
    path.unlink(missing_ok=True)
    if path.parent != config.folder(NAME) and path.parent.exists():
        path.parent.rmdir()


class _Transport(xmlrpc.client.Transport):
    """XML-RPC over a unix socket, with a time limit."""

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
    path = _recorded_socket(config)
    if path is None or not path.exists():
        raise SupervisorDownError
    try:
        with xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(path)) as proxy:
            yield proxy.supervisor
    except (ConnectionRefusedError, FileNotFoundError, ConnectionResetError) as error:
        raise SupervisorDownError from error
    except TimeoutError as error:
        raise UserError(
            f"the supervisor hangs; its log is {log_file(config)}",
            hint="kill it, then run `storyline down`",
        ) from error


def running(config: StackConfig) -> bool:
    """Whether this stack's supervisor answers."""
    return pid(config) is not None


def pid(config: StackConfig) -> int | None:
    """The supervisor's process id, if it answers."""
    try:
        with _remote(config) as remote:
            return int(remote.getPID())
    except SupervisorDownError:
        return None


def programs(config: StackConfig) -> dict[str, Program]:
    """Every program by name. Raises SupervisorDownError when there is no supervisor."""
    with _remote(config) as remote:
        answers: list[dict[str, Any]] = remote.getAllProcessInfo()
    return {
        answer["name"]: Program(
            name=answer["name"],
            state=answer["statename"],
            pid=answer["pid"],
            started=float(answer["start"]),
            reason=answer["spawnerr"] or answer["description"],
        )
        for answer in answers
    }


def start_program(config: StackConfig, name: str) -> None:
    """Ask for a start; returns at once. No error when it runs already."""
    _ask(config, "startProcess", name, already=60)


def stop_program(config: StackConfig, name: str) -> None:
    """Ask for a stop; returns at once. No error when it does not run."""
    _ask(config, "stopProcess", name, already=70)


def _ask(config: StackConfig, method: str, name: str, *, already: int) -> None:
    with _remote(config) as remote:
        try:
            getattr(remote, method)(name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != already:
                raise UserError(f"the supervisor says of {name}: {fault.faultString}") from fault


def shut_down(config: StackConfig) -> None:
    """Ask the supervisor to leave, stopping what still runs."""
    with _remote(config) as remote:
        remote.shutdown()
