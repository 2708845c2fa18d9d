"""Output of commands: tables for people, JSON for scripts, one line for an error."""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from rich.text import Text

out = Console()
err = Console(stderr=True)

# Control characters steer a terminal, and half of a surrogate pair cannot be printed at all.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_WIDEST = 10_000
"""Width in characters of a table outside a terminal: a pipe or a file takes lines of any length."""

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def print_json(value: Any) -> None:
    """Print a JSON document on standard output, indented. Ids must already be strings."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def print_json_line(value: Any) -> None:
    """Print a JSON document on one line of standard output, for streams of documents."""
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None
) -> None:
    """Print a table. Cells and title are plain text: no markup is read and no control acts."""
    table = Table(*columns, title=None if title is None else _plain(title), title_justify="left")
    for row in rows:
        table.add_row(*(_plain("" if cell is None else str(cell)) for cell in row))
    table_console().print(table)


def table_console() -> Console:
    """Return the console for tables: the terminal, or one that is wide enough to cut nothing."""
    return out if out.is_terminal else Console(width=_WIDEST)


def _plain(text: str) -> "Text":
    from rich.text import Text

    return Text(visible(text, kept="\n\t"))


def visible(text: str, *, kept: str = "") -> str:
    """Return text with its control characters, but those `kept`, as escapes such as `\\x1b`.

    Zero-width and bidirectional characters stay: some scripts cannot be written without them.
    """
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in kept else _escaped(found), text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
