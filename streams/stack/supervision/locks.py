"""Commands that must not run at once wait for each other."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.stack.report import Report


@contextmanager
def locked(path: Path, report: Report, other: str) -> Iterator[None]:
    """Hold the lock file at `path`; where someone has it, say that `other` is waited for.

    A process that ends, however it ends, holds nothing. Not re-entrant.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.note(f"waiting for {other}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
