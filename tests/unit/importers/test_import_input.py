"""Input as it comes: plain, gzip or Zstandard, in several members, cut off, with long lines."""

import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from streams.contracts.events import Event
from streams.errors import UserError
from streams.importers.edges import EdgeReader
from streams.importers.import_run import events_of_lines
from streams.importers.input_lines import MAX_LINE, InputLine, lines_of
from streams.importers.report import ImportReport, Reason
from tests.support.imported import NOW_MS
from tests.support.messages import produces

Compress = Callable[[bytes], bytes]


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


COMPRESSIONS = pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd])
COMPRESSED = pytest.mark.parametrize("compress", [gzip.compress, zstd])


@COMPRESSIONS
def test_lines_are_numbered_whatever_the_compression(compress: Compress, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(compress(b"one\n\n") + compress(b"three\r\nfour"))
    with path.open("rb") as stream:
        assert list(lines_of(stream, "input")) == [
            InputLine(1, b"one\n"),
            InputLine(2, b"\n"),
            InputLine(3, b"three\r\n"),
            InputLine(4, b"four"),
        ]


@COMPRESSIONS
def test_input_need_not_be_a_file(compress: Compress) -> None:
    lines = lines_of(io.BytesIO(compress(b"a\nb\n")), "standard input")
    assert [line.raw for line in lines] == [b"a\n", b"b\n"]


def test_empty_input_has_no_lines() -> None:
    assert list(lines_of(io.BytesIO(b""), "x")) == []


def test_long_line_has_no_content_and_the_next_one_is_whole() -> None:
    longest = b"x" * (MAX_LINE - 1) + b"\n"
    content = longest + b"y" * (3 * MAX_LINE) + b"\nz\n" + b"w" * (MAX_LINE + 1)
    lines = list(lines_of(io.BytesIO(content), "x"))
    assert lines == [
        InputLine(1, longest),
        InputLine(2, None),
        InputLine(3, b"z\n"),
        InputLine(4, None),
    ]


@produces("… is damaged after line …")
@COMPRESSED
def test_cut_off_input_gives_its_lines_and_then_an_error(compress: Compress) -> None:
    content = b"".join(b"%d %d\n" % (n, n * 7919 % 100_003) for n in range(1, 60_000))
    whole = compress(content)
    report = ImportReport()
    cut = lines_of(io.BytesIO(whole[: len(whole) // 2]), "edges.gz")
    events = events_of_lines(
        cut, EdgeReader(NOW_MS // 2).read, report, None, name="edges.gz", now_ms=lambda: NOW_MS
    )
    seen: list[Event] = []
    with pytest.raises(UserError, match=r"edges\.gz is damaged after line \d+"):
        seen.extend(events)
    assert len(seen) > 15_000
    assert len(seen) + report.skipped.total() == report.items


def test_long_line_is_counted_as_broken() -> None:
    def lines() -> Iterator[InputLine]:
        yield InputLine(1, None)

    report = ImportReport()
    read = EdgeReader(NOW_MS // 2).read
    assert not list(events_of_lines(lines(), read, report, None, name="e", now_ms=lambda: NOW_MS))
    assert report.skipped == {Reason.TOO_LONG: 1}
    assert report.broken == 1
