"""Programs that outlived their supervisor: found by the lock they hold, checked, then stopped."""

import fcntl
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from streams.errors import UserError

_POLL_SECONDS = 0.02
_KILL_SECONDS = 10
_RELEASE_SECONDS = 5
"""Seconds to wait for locks: a process that is ending shows no open files, but briefly has its
lock."""


def locked(lock: Path) -> bool:
    """Return whether a process holds the lock. Never creates the file."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except (FileNotFoundError, NotADirectoryError):
        return False
    except BlockingIOError:
        return True


def holders(lock: Path) -> tuple[psutil.Process, ...]:
    """Return the processes that have the lock file open, if it is locked.

    The process id written in the file is tried first; otherwise a scan finds the processes, such as
    a command that was creating the data directory.
    """
    if not locked(lock):
        return ()
    named = _process(lock)
    if named is not None and _has_open(named, lock):
        return (named,)
    return tuple(process for process in psutil.process_iter() if _has_open(process, lock))


def _process(lock: Path) -> psutil.Process | None:
    try:
        return psutil.Process(int(lock.read_text("ascii")))
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None


def _has_open(process: psutil.Process, lock: Path) -> bool:
    try:
        real = str(lock.resolve())
        return any(file.path == real for file in process.open_files())
    except (psutil.Error, OSError):
        return False


def stop(
    locks: tuple[Path, ...], seconds: float, kindly: Mapping[Path, signal.Signals] | None = None
) -> int:
    """Stop every holder of a lock, by force after `seconds`; return how many there were.

    Args:
        seconds: time to end after the first signal.
        kindly: the first signal by lock, where it is not SIGTERM.

    Raises:
        UserError: a lock is held by a process that this user may not see or stop.
    """
    first_signals = kindly or {}
    found = {
        process: first_signals.get(lock, signal.SIGTERM)
        for lock in locks
        for process in holders(lock)
    }
    for process, number in found.items():
        _signal(process, number)
    left = wait(found, seconds)
    for process in left:
        _signal(process, signal.SIGKILL)
    wait(left, _KILL_SECONDS)
    deadline = time.monotonic() + _RELEASE_SECONDS
    for lock in locks:
        while locked(lock) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        if locked(lock):
            raise UserError(
                f"{lock} is held by a process that cannot be stopped",
                hint=f"find it with `fuser {lock}` and end it",
            )
    return len(found)


def wait(processes: Iterable[psutil.Process], seconds: float) -> tuple[psutil.Process, ...]:
    """Wait up to `seconds` and return the processes that have not ended.

    A zombie has ended: in a container no process may ever reap it. A zombie with other threads that
    are still ending has not: it holds its locks and ports until the last of them is gone.
    """
    deadline = time.monotonic() + seconds
    while (left := tuple(filter(_alive, processes))) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return left


def _alive(process: psutil.Process) -> bool:
    try:
        zombie = process.status() == psutil.STATUS_ZOMBIE
        return process.is_running() and not (zombie and process.num_threads() == 1)
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise UserError(
            f"not allowed to stop process {process.pid}",
            hint="stop it as the user that it belongs to, or set another STORYLINE_HOME",
        ) from error
