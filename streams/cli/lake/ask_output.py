"""Output of the rows of `storyline ask`."""

import csv
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson
from rich import box
from rich.table import Table
from rich.text import Text

from streams.cli.common.output import err, table_console, visible
from streams.lakehouse.answers import QuestionAnswer, Row, json_row, plain, time_text

SHOWN_ROWS = 1000


def print_rows(answer: QuestionAnswer, rows: Iterator[Row], title: str | None) -> int:
    """Print a table of up to `SHOWN_ROWS` rows, and return the number of all rows.

    Numbers are aligned to the right.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in answer.columns:
        right = name in answer.numeric
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    count = 0
    for row in rows:
        count += 1
        if count <= SHOWN_ROWS:
            table.add_row(*(Text(visible(_shown(value), kept="\n\t")) for value in row))
    table_console().print(table)
    if count > SHOWN_ROWS:
        err.print(f"{count - SHOWN_ROWS:,} further rows are not shown; --csv prints all")
    return count


def print_json_rows(answer: QuestionAnswer, rows: Iterator[Row]) -> int:
    """Print an array of one object per row, each on its own line; return the number of rows."""
    write = sys.stdout.buffer.write
    count = 0
    write(b"[")
    for row in rows:
        write(b",\n " if count else b"\n ")
        write(orjson.dumps(json_row(answer.columns, row)))
        count += 1
    write(b"\n]\n" if count else b"]\n")
    sys.stdout.buffer.flush()
    return count


def print_csv(answer: QuestionAnswer, rows: Iterator[Row]) -> int:
    """Print CSV with a line of names, and return the number of rows.

    Null is empty, and lists are JSON.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    count = 0
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        count += 1
    sys.stdout.flush()
    return count


def _shown(value: Any) -> str:
    """Return a value as text for a table cell; fractions have up to six significant digits."""
    return f"{value:.6g}" if isinstance(value, float) else _cell(value)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | dict():
            return orjson.dumps(plain(value)).decode()
        case datetime():
            return time_text(value)
        case bytes():
            return value.hex()
    return str(value)
