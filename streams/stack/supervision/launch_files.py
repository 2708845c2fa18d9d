"""Writes down how each program is started, for the exec wrapper and for the supervisor."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streams.stack.config import StackConfig
from streams.stack.service import LaunchSpec, ServerPaths, Service, WorkerService
from streams.stack.supervision import exec_under_lock

OUTPUT = "out.log"
"""What a server writes to its standard output: little, unless it crashes."""
WORKER_LOG = "worker.log"
"""What a worker writes to its output, kept and rotated by the supervisor."""


def clean_env(folder: Path) -> dict[str, str]:
    """The environment of every server: built, not inherited, so nothing of the shell leaks in."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "MALLOC_ARENA_MAX": "2",
    }


def lock_file(config: StackConfig, name: str) -> Path:
    return config.folder(name) / "lock"


def launch_file(config: StackConfig, name: str) -> Path:
    return config.folder(name) / "launch.json"


def server_files(service: Service, config: StackConfig, java: Path) -> dict[Path, str]:
    """Every file that a start of the server needs, by path."""
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
    """As for a server; the supervisor captures a worker's output, so that it is rotated."""
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
    user, inside, pid_file = (
        (launch.user, launch.inside, launch.pid_file) if launch else (None, None, None)
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
    }
    return json.dumps(described, indent=1) + "\n"


def _first(launch: LaunchSpec | None) -> dict[str, Any] | None:
    if launch is None or launch.first is None:
        return None
    first = launch.first
    return {"command": first.command, "data": str(first.data), "done": str(first.done)}


def prepare_folders(config: StackConfig, name: str) -> None:
    """The directories that a server expects to be there."""
    for part in ("data", "log", "tmp"):
        (config.folder(name) / part).mkdir(parents=True, exist_ok=True)


def write_files(files: Mapping[Path, str]) -> None:
    """Each file whole or not at all."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)


def changed(files: Mapping[Path, str]) -> bool:
    """Whether what is on disk differs from what would be written now."""
    return any(not path.exists() or path.read_text("utf-8") != text for path, text in files.items())


def wrapper() -> tuple[str, ...]:
    """The start of a command that runs a launch file under its lock."""
    return (sys.executable, "-I", "-S", str(Path(exec_under_lock.__file__).resolve()))
