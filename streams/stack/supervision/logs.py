"""Reading of logs, also while they grow and are rotated."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from streams.errors import UserError
from streams.stack.stack import Stack
from streams.stack.supervision import supervisord_conf
from streams.stack.supervision.status import log_path

_POLL_SECONDS = 0.2


def log_of(stack: Stack, name: str) -> Path:
    """Return the log of a server, a worker or the supervisor.

    Raises:
        UserError: none of them has this name.
    """
    for service in stack.services:
        if service.name == name:
            return log_path(stack.config, name, service)
    workers = [worker.name for worker in stack.workers]
    if name in workers:
        return log_path(stack.config, name, None)
    if name == supervisord_conf.NAME:
        return supervisord_conf.log_file(stack.config)
    known = (*(service.name for service in stack.services), *workers, supervisord_conf.NAME)
    raise UserError(f"there is no log of {name}", hint=f"logs are: {', '.join(known)}")


def follow(locate: Callable[[], Path]) -> Iterator[str]:
    """Return an iterator over the text appended from this call on, across rotations.

    Args:
        locate: returns the present path of the log; some servers begin a file of another name each
            day.
    """
    return _grown(locate, _open_at_end(locate()))


def _grown(locate: Callable[[], Path], file: TextIO | None) -> Iterator[str]:
    while True:
        if file is not None and (text := file.read()):
            yield text
            continue
        path = locate()
        if file is None or _replaced(file, path):
            fresh = _open(path)
            if fresh is not None:
                if file is not None:
                    file.close()
                file = fresh
                continue
        time.sleep(_POLL_SECONDS)


def _open(path: Path) -> TextIO | None:
    try:
        return path.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _open_at_end(path: Path) -> TextIO | None:
    file = _open(path)
    if file is not None:
        file.seek(0, 2)
    return file


def _replaced(file: TextIO, path: Path) -> bool:
    """Return whether the path names another file now, or the file was truncated."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(file.fileno())
    return opened.st_ino != named.st_ino or named.st_size < file.tell()
