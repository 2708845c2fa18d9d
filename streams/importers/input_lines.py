"""Lines of a file or of standard input, decompressed as they come."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

import pyarrow as pa

from streams.errors import UserError

MAX_LINE: Final = 1024 * 1024
"""Longer lines are skipped: the broker accepts records of up to 1 MiB."""
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BUFFER: Final = 1 << 20
_ZSTD_BUFFER: Final = 1 << 16  # most bytes that are lost in front of a damaged place


class InputLine(NamedTuple):
    """A line of input, numbered from 1; `raw` is `None` if it is longer than `MAX_LINE`."""

    number: int
    raw: bytes | None


def open_input(path: Path) -> BinaryIO:
    """Open a file for reading; the caller closes it. Raises OSError."""
    return path.open("rb", buffering=_BUFFER)


def decompressed(stream: BinaryIO) -> BinaryIO:
    """Return the content of a gzip or Zstandard stream, or the stream itself if it is neither.

    The first bytes decide, not the file name. Consecutive compressed members are read as one.
    """
    buffered = stream if isinstance(stream, io.BufferedReader) else _buffered(stream)
    magic = buffered.peek(len(_ZSTD))
    if magic.startswith(_GZIP):
        return _buffered(_GzipChunks(gzip.GzipFile(fileobj=buffered)))
    if magic.startswith(_ZSTD):
        # Python's own module begins with 3.14; Arrow's codec is installed anyway.
        raw = pa.CompressedInputStream(pa.PythonFile(buffered, mode="r"), "zstd")
        return io.BufferedReader(raw, _ZSTD_BUFFER)
    return buffered


def lines_of(stream: BinaryIO, name: str) -> Iterator[InputLine]:
    """Yield every line; at most one line is in memory.

    Args:
        stream: The input, compressed or not.
        name: Name of the input in errors.

    Raises:
        UserError: The compressed input is damaged or ends too early. Every line before the damage
            has been yielded.
    """
    number = 0
    try:
        plain = decompressed(stream)
        while raw := plain.readline(MAX_LINE + 1):
            number += 1
            if len(raw) <= MAX_LINE:
                yield InputLine(number, raw)
                continue
            while raw and not raw.endswith(b"\n"):
                raw = plain.readline(MAX_LINE)
            yield InputLine(number, None)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(name, number, error) from error
    except OSError as error:
        if error.errno is not None:  # an error of the system, not of the decompressor
            raise
        raise _damaged(name, number, error) from error


class _GzipChunks(io.RawIOBase):
    """Raw reader of a gzip file, one decompressed chunk at a time.

    GzipFile.readline costs several times as much as that of a buffer over it, and GzipFile.read
    drops what it has read in front of a damaged place.
    """

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any, /) -> int:
        chunk = self._file.read1(len(into))
        into[: len(chunk)] = chunk
        return len(chunk)


def _buffered(stream: BinaryIO | io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, stream), _BUFFER)


def _damaged(name: str, number: int, error: Exception) -> UserError:
    return UserError(
        f"{name} is damaged after line {number}: {error}",
        hint="Fetch the file again, then repeat the command: events sent twice change nothing.",
    )
