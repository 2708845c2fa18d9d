"""Shared options of the verbs of `storyline load`, and readers of foreign input."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import orjson
import typer

from streams.cli.events.emit import Destination
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.importers.mapping import IdentityMap
    from streams.importers.report import ImportReport, Skipped

STDIN = "-"
BROKEN_INPUT = 3
_SHOWN = 20

InputFile = Annotated[
    str, typer.Argument(metavar="FILE|-", help="Plain, gzip or Zstandard; - is standard input.")
]
Lines = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="Read only the first N lines.")
]
Mapping = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        metavar="PATH",
        help="File of names and their ids. Default: the input's name with .ids.sqlite added.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Read and check everything, send and write nothing."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 3 if the input has broken lines.")
]
SkippedFile = Annotated[
    str | None,
    typer.Option(
        "--skipped", metavar="FILE", help="Write each skipped line's place and reason there, JSON."
    ),
]


@contextmanager
def import_report(skipped_file: str | None) -> Iterator["ImportReport"]:
    """Open a report that prints the first broken lines, and writes all skipped ones to a file."""
    from streams.cli.common.files import whole_output
    from streams.importers.report import ImportReport

    if skipped_file is None:
        yield ImportReport(_BrokenLines())
        return
    if skipped_file == STDIN:
        raise UserError("--skipped needs a file: standard output is for events", exit_code=2)
    with whole_output(skipped_file) as file:
        show = _BrokenLines()

        def write(skipped: "Skipped") -> None:
            show(skipped)
            file.write(orjson.dumps(skipped._asdict(), option=orjson.OPT_APPEND_NEWLINE))

        yield ImportReport(write)


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """Open the input; `-` is standard input."""
    from streams.importers.input_lines import open_input

    if file == STDIN:
        yield sys.stdin.buffer
        return
    with open_input(Path(file)) as stream:
        yield stream


def input_name(file: str) -> str:
    """Return the name of the input in messages."""
    return "standard input" if file == STDIN else file


def mapping_of(path: Path | None, file: str, to: Destination) -> "IdentityMap":
    """Open the mapping file of an input; for a dry run, a copy that is not kept.

    Raises:
        UserError: Standard input has no mapping file, or the file cannot be used.
    """
    from streams.importers.mapping import open_mapping, open_mapping_copy

    if path is None and file != STDIN:
        source = Path(file).absolute()
        path = source.with_name(source.name + ".ids.sqlite")
    if to.dry_run:
        return open_mapping_copy(path)
    if path is None:
        raise UserError(
            "standard input needs --mapping PATH: the file in which names keep their ids",
            exit_code=2,
        )
    return open_mapping(path)


def fail_if_broken(report: "ImportReport", *, strict: bool) -> None:
    """Exit with 3 if `strict` and the input has broken lines."""
    if strict and report.broken:
        raise typer.Exit(BROKEN_INPUT)


class _BrokenLines:
    """Printer of the first broken lines, on standard error."""

    def __init__(self) -> None:
        self._shown = 0

    def __call__(self, skipped: "Skipped") -> None:
        from streams.importers.report import BROKEN

        if skipped.reason not in BROKEN or self._shown > _SHOWN:
            return
        self._shown += 1
        if self._shown > _SHOWN:
            sys.stderr.write("more broken lines follow; --skipped FILE lists every one\n")
        else:
            sys.stderr.write(f"{skipped.place}: {skipped.reason}: {skipped.detail}\n")
