"""Configuration of supervisord: every program is the exec wrapper, so settings never change it."""

import configparser
import shlex
import tempfile
from pathlib import Path

from streams.errors import NEEDS_A_PERSON
from streams.stack.config import StackConfig
from streams.stack.service import Service, WorkerService
from streams.stack.supervision.launch_files import WORKER_LOG, launch_file, wrapper

NAME = "supervisor"
"""Name of the supervisor's directory in the stack's home, and of its log."""
_SOCKET_PATH_BYTES = 100
"""The kernel's limit is about 107; the server binds `….sock.<pid>` first."""


def config_file(config: StackConfig) -> Path:
    return config.folder(NAME) / "supervisord.conf"


def log_file(config: StackConfig) -> Path:
    return config.folder(NAME) / "supervisord.log"


def choose_socket(config: StackConfig) -> Path:
    """Return a path in the stack's home if it is short enough, else in a new private directory."""
    path = config.folder(NAME) / "supervisor.sock"
    if len(bytes(path)) + len(".1234567") <= _SOCKET_PATH_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix="storyline-")) / "supervisor.sock"


def recorded_socket(config: StackConfig) -> Path | None:
    parser = configparser.RawConfigParser()
    if not parser.read(config_file(config), encoding="utf-8"):
        return None
    return Path(parser["unix_http_server"]["file"].replace("%%", "%"))


def render(
    config: StackConfig,
    socket_path: Path,
    services: tuple[Service, ...],
    workers: tuple[WorkerService, ...],
) -> str:
    """Return the text of supervisord.conf. Nothing starts by itself: `up` starts programs."""

    def value(text: object) -> str:
        return str(text).replace("%", "%%")

    def program(name: str, **options: object) -> str:
        command = shlex.join((*wrapper(), str(launch_file(config, name))))
        lines = {
            "command": value(command),
            "autostart": "false",
            "autorestart": "true",
            "startsecs": "3",
            "startretries": "2",
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
            stopsignal=service.stop_signal.name.removeprefix("SIG"),
            stopwaitsecs=service.stop_seconds,
        )
        for service in services
    ]
    parts += [
        program(
            worker.name,
            stdout_logfile=config.folder(worker.name) / WORKER_LOG,
            stdout_logfile_maxbytes="10MB",
            stdout_logfile_backups=3,
            stopwaitsecs=worker.stop_seconds,
            # A worker ends when a server that it needs is unavailable: retry until that is back.
            startretries=20,
            autorestart="unexpected",
            exitcodes=NEEDS_A_PERSON,
        )
        for worker in workers
    ]
    return "\n".join(parts)


def _section(name: str, lines: dict[str, str]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={line}\n" for key, line in lines.items())
