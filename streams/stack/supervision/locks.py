"""File locks, by which commands that must not run at the same time wait for each other."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.stack.report import Report


@contextmanager
def locked(path: Path, report: Report, other: str) -> Iterator[None]:
    """Hold the lock file at `path`; if another process has it, report it and wait.

    The kernel releases the lock when its process ends, however it ends. Not re-entrant.

    Args:
        other: the holder that the report names, such as "another download".
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.note(f"waiting for {other}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
