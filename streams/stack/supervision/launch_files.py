"""Launch files: the start of each program, written for the exec wrapper and the supervisor."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streams.host import UTF8_LOCALE
from streams.stack.config import StackConfig
from streams.stack.service import LaunchSpec, ServerPaths, Service, WorkerService
from streams.stack.supervision import exec_under_lock

OUTPUT = "out.log"
"""File of a server's standard output, which is little unless the server crashes."""
WORKER_LOG = "worker.log"
"""File of a worker's output, which the supervisor writes and rotates."""


def clean_env(folder: Path) -> dict[str, str]:
    """Return a program's environment: built, not inherited, so nothing of the shell leaks in."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "LANG": UTF8_LOCALE,
        "LC_ALL": UTF8_LOCALE,
        "TZ": "UTC",
        "MALLOC_ARENA_MAX": "2",
    }


def lock_file(config: StackConfig, name: str) -> Path:
    return config.folder(name) / "lock"


def launch_file(config: StackConfig, name: str) -> Path:
    return config.folder(name) / "launch.json"


def server_files(service: Service, config: StackConfig, java: Path) -> dict[Path, str]:
    """Return every file that a start of the server needs, as path -> text."""
    site = ServerPaths(config=config, folder=config.folder(service.name), java=java)
    launch = service.launch(site)
    described = _describe(
        config,
        service.name,
        command=launch.command,
        env=clean_env(site.folder) | dict(launch.env),
        output=str(site.logs / OUTPUT),
        empty=[str(site.tmp)],
        launch=launch,
        owns=[str(site.data), str(site.logs)],
    )
    return {**launch.files, launch_file(config, service.name): described}


def worker_files(worker: WorkerService, config: StackConfig) -> dict[Path, str]:
    """Return the files that a start of the worker needs, as path -> text.

    The supervisor captures the worker's output, so that it is rotated.
    """
    env = clean_env(config.folder(worker.name)) | {"PYTHONUNBUFFERED": "1"}
    described = _describe(
        config, worker.name, command=worker.command, env=env | dict(config.worker_env)
    )
    return {launch_file(config, worker.name): described}


def _describe(
    config: StackConfig,
    name: str,
    *,
    command: tuple[str, ...],
    env: Mapping[str, str],
    output: str | None = None,
    empty: list[str] | None = None,
    launch: LaunchSpec | None = None,
    owns: list[str] | None = None,
) -> str:
    user, inside, pid_file, timer_slack_ns = (
        (launch.user, launch.inside, launch.pid_file, launch.timer_slack_ns)
        if launch
        else (None, None, None, None)
    )
    described = {
        "cwd": str(config.folder(name)),
        "lock": str(lock_file(config, name)),
        "command": command,
        "env": env,
        "output": output,
        "empty": empty or [],
        "first": _first(launch),
        "inside": inside and str(inside),
        "pid_file": pid_file and str(pid_file),
        "user": user and {"uid": user.uid, "gid": user.gid, "owns": owns},
        "timer_slack_ns": timer_slack_ns,
    }
    return json.dumps(described, indent=1) + "\n"


def _first(launch: LaunchSpec | None) -> dict[str, Any] | None:
    if launch is None or launch.first is None:
        return None
    first = launch.first
    return {"command": first.command, "data": str(first.data), "done": str(first.done)}


def prepare_folders(config: StackConfig, name: str) -> None:
    """Create the directories that a server expects to exist."""
    for part in ("data", "log", "tmp"):
        (config.folder(name) / part).mkdir(parents=True, exist_ok=True)


def write_files(files: Mapping[Path, str]) -> None:
    """Write each file, whole or not at all."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)


def changed(files: Mapping[Path, str]) -> bool:
    """Return whether a file on disk is missing or differs from the given text."""
    return any(not path.exists() or path.read_text("utf-8") != text for path, text in files.items())


def wrapper() -> tuple[str, ...]:
    """Return the first arguments of a command that runs a launch file under its lock."""
    return (sys.executable, "-I", "-S", str(Path(exec_under_lock.__file__).resolve()))
