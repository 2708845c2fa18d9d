"""Exec wrapper: starts one program under a lock that lives exactly as long as the program does.

It runs as a script without the installed packages, so that it starts at once: `python -I -S
exec_under_lock.py LAUNCH.json`. (It imports psutil when it must look at another process.) It takes
the lock, writes its process id into the lock file, creates the data directory if it is missing,
gives up root's rights if the launch file names an account, and becomes the program by exec. The
program inherits the descriptor of the lock, so the kernel keeps the lock while the program lives,
whichever process started it and whatever became of that process. (Supervisors close the descriptors
that they inherit, so they cannot pass the lock themselves.)
"""

import contextlib
import ctypes
import fcntl
import functools
import json
import os
import resource
import shutil
import signal
import site
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

LOCKED = 75
"""Exit status when another process holds the lock (EX_TEMPFAIL)."""
_MAX_FILES = 65536 if sys.platform != "darwin" else 10240
"""Wanted limit of open files; the kernel of macOS may refuse more, whatever its hard limit says."""
_PR_SET_TIMERSLACK = 29
_KEEP_OUTPUT = 1 << 20
_LEAVING_SECONDS = 60
"""Seconds that the children of a killed server may take to notice and end."""
_POLL_SECONDS = 0.05


def main(launch_file: str) -> None:
    launch: dict[str, Any] = json.loads(Path(launch_file).read_text(encoding="utf-8"))
    os.chdir(launch["cwd"])
    _redirect(launch["output"])
    lock = _take(launch["lock"])
    for folder in launch["empty"]:
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(parents=True)
    _raise_file_limit()
    user: dict[str, Any] | None = launch["user"]
    if user is not None:
        _grant_access(Path(launch["cwd"]), user)
    if launch["pid_file"] is not None:
        _remove_stale_pid_file(Path(launch["pid_file"]), launch["inside"])
    if launch["first"] is not None:
        _make_data(launch["first"], launch, lock)
    if launch["inside"] is not None:
        os.chdir(launch["inside"])
    if user is not None:
        os.setgroups([])
        os.setgid(user["gid"])
        os.setuid(user["uid"])
    if launch["timer_slack_ns"] is not None and sys.platform == "linux":
        _set_timer_slack(launch["timer_slack_ns"])
    os.set_inheritable(lock, True)
    os.execve(launch["command"][0], launch["command"], launch["env"])  # noqa: S606


def _redirect(output: str | None) -> None:
    """Read input from the null device; append output to a file, so that it outlives the starter."""
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
    deadline = time.monotonic() + _LEAVING_SECONDS
    while not _locked(lock):
        owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        if _is_alive(owner) or time.monotonic() > deadline:
            sys.stderr.write(f"{path} is locked by process {owner or 'unknown'}\n")
            sys.exit(LOCKED)
        time.sleep(_POLL_SECONDS)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _locked(lock: int) -> bool:
    """Take the lock and return `True`, or return `False` if another process holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(process: str) -> bool:
    """Return whether a process runs, given its id as text; text that is no id counts as running.

    Children of a killed process may still hold the lock while they end.
    """
    _find_packages()
    import psutil

    try:
        return psutil.Process(int(process)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except ValueError:
        return True


@functools.cache
def _find_packages() -> None:
    """Make installed packages importable, which `-S` has prevented."""
    site.main()


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft == resource.RLIM_INFINITY or soft >= limit:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _set_timer_slack(nanoseconds: int) -> None:
    """Set how late a timer of this thread may be; the program and its threads inherit it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(nanoseconds), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl refuses the timer slack")


def _grant_access(folder: Path, user: dict[str, Any]) -> None:
    """Let the user enter the program's directory, and own the folders that it may write there."""
    folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    for own in user["owns"]:
        _change_owner(Path(own), user)


def _change_owner(folder: Path, user: dict[str, Any]) -> None:
    """Make the user the owner of a directory and, if it had another owner, of all in it."""
    if folder.stat().st_uid == user["uid"]:
        return
    for path in (*folder.rglob("*"), folder):
        os.chown(path, user["uid"], user["gid"], follow_symlinks=False)


def _remove_stale_pid_file(pid_file: Path, folder: str) -> None:
    """Remove a pid file unless the process that it names works in `folder`.

    This process holds the lock, so only a process that was started by hand, without it, can do so.
    """
    _find_packages()
    import psutil

    try:
        named = int(pid_file.read_text(encoding="ascii").split()[0])
        if Path(psutil.Process(named).cwd()).samefile(folder):
            return
    except (FileNotFoundError, psutil.NoSuchProcess):
        pass  # No such file or process; a zombie has no directory either.
    except (PermissionError, psutil.AccessDenied):
        return  # The process belongs to another user.
    except (ValueError, IndexError):
        pass  # A crash cut the file short.
    pid_file.unlink(missing_ok=True)


def _make_data(first: dict[str, Any], launch: dict[str, Any], lock: int) -> None:
    """Fill the data directory by a command; discard one whose command was interrupted."""
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
    if launch["user"] is not None:
        _change_owner(data, launch["user"])
    status = _run(first["command"], launch, lock)
    if status != 0:
        sys.stderr.write(f"{first['command'][0]} ended with status {status}\n")
        sys.exit(1)
    unfinished.unlink()


def _run(command: list[str], launch: dict[str, Any], lock: int) -> int:
    """Run a command to its end, under the lock; forward SIGTERM and SIGINT to it, then exit."""
    child: subprocess.Popen[bytes] | None = None
    signals: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGTERM, signal.SIGINT)}
    user = launch["user"]
    child = subprocess.Popen(  # noqa: S603
        command,
        env=launch["env"],
        cwd=launch["inside"],
        pass_fds=(lock,),
        user=user and user["uid"],
        group=user and user["gid"],
        extra_groups=user and [],
    )
    if signals:
        child.terminate()
    status = child.wait()
    for number, handler in before.items():
        signal.signal(number, handler)
    if signals:
        sys.exit(128 + signals[0])
    return status


if __name__ == "__main__":
    main(sys.argv[1])
