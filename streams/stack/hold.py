"""Starts one program under a lock that lives exactly as long as the program does.

Run as a script with nothing but the standard library: `python -I -S hold.py LAUNCH.json`. It takes
the lock, writes its process id into the lock file, makes the data directory where there is none,
and becomes the program by exec. The descriptor of the lock goes along, so the kernel keeps the
lock while the program lives, whoever started it and whatever became of that. (Supervisors close
the descriptors that they inherit, so they cannot pass the lock themselves.)
"""

import contextlib
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

LOCKED = 75
"""Exit status when another process holds the lock (EX_TEMPFAIL)."""
_MAX_FILES = 65536
_KEEP_OUTPUT = 1 << 20


def main(launch_file: str) -> None:
    launch: dict[str, Any] = json.loads(Path(launch_file).read_text(encoding="utf-8"))
    os.chdir(launch["cwd"])
    _redirect(launch["output"])
    lock = _take(launch["lock"])
    for folder in launch["empty"]:
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(parents=True)
    _raise_file_limit()
    if launch["first"] is not None:
        _make_data(launch["first"], launch["env"], lock)
    os.set_inheritable(lock, True)
    os.execve(launch["command"][0], launch["command"], launch["env"])  # noqa: S606


def _redirect(output: str | None) -> None:
    """Input from nowhere; output to a file, so that it outlives whoever started us."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if output is None:
        return
    path = Path(output)
    if path.exists() and path.stat().st_size > _KEEP_OUTPUT:
        path.replace(path.with_name(path.name + ".1"))
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)


def _take(path: str) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(lock, 32).decode("ascii", "replace").strip()
        sys.stderr.write(f"{path} is locked by process {owner or 'unknown'}\n")
        sys.exit(LOCKED)
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _make_data(first: dict[str, Any], env: dict[str, str], lock: int) -> None:
    """Fill the data directory by a command; one that was interrupted is thrown away."""
    data, done = Path(first["data"]), Path(first["done"])
    unfinished = data.with_name(data.name + ".unfinished")
    if not unfinished.exists():
        if done.exists():
            return
        if data.exists() and any(data.iterdir()):
            sys.stderr.write(f"{data} holds files but {done.name} is missing: left alone\n")
            sys.exit(1)
    unfinished.touch()
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    status = _run(first["command"], env, lock)
    if status != 0:
        sys.stderr.write(f"{first['command'][0]} ended with status {status}\n")
        sys.exit(1)
    unfinished.unlink()


def _run(command: list[str], env: dict[str, str], lock: int) -> int:
    """Run to the end, lock in hand. A request to end is passed on, then obeyed."""
    child: subprocess.Popen[bytes] | None = None
    asked: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGTERM, signal.SIGINT)}
    child = subprocess.Popen(command, env=env, pass_fds=(lock,))  # noqa: S603
    if asked:
        child.terminate()
    status = child.wait()
    for number, handler in before.items():
        signal.signal(number, handler)
    if asked:
        sys.exit(128 + asked[0])
    return status


if __name__ == "__main__":
    main(sys.argv[1])
