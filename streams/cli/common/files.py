"""Input files, output files that are written whole or not at all, and pipes that end quietly."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import typer

from streams.errors import UserError


def open_input(name: str, closing: ExitStack) -> tuple[BinaryIO, int | None]:
    """Open a file, or standard input for `-`, until `closing` ends; return it and its size."""
    if name == "-":
        return sys.stdin.buffer, None
    path = Path(name)
    return closing.enter_context(path.open("rb")), path.stat().st_size


@contextmanager
def whole_output(name: str) -> Iterator[IO[bytes]]:
    """Yield the output: standard output for `-`, else a file that replaces `name` at the end."""
    if name == "-":
        with _open_pipe():
            yield sys.stdout.buffer
        return
    with _whole_file(Path(name)) as path, path.open("wb") as file:
        yield file


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; its file replaces `path` on success and is deleted on failure."""
    if path.exists() and not path.is_file():  # /dev/null, a named pipe
        yield path
        return
    if not path.parent.is_dir():
        raise UserError(f"{path.parent} is not a directory")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        part = Path(folder) / path.name
        yield part
        part.replace(path)


@contextmanager
def _open_pipe() -> Iterator[None]:
    """End the command quietly if the reader of standard output has gone (`… | head`)."""
    try:
        yield
    except BrokenPipeError:
        # Python would try to flush standard output once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
