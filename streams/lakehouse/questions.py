"""Questions about the lake: SQL files with a header that describes the answer.

    -- title: Daily active users
    -- about: any number of words,
    --   continued on lines that are indented
    -- column day: what it holds
    -- column active_users [people]: what it holds, in which unit
    -- chart: line x=day y=active_users

The header is followed by one SELECT that DuckDB and Spark both understand, with `:since`, `:until`
(days, both included) and `:limit` wherever it needs them. A chart has one series per column of `y`,
separated by commas.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import duckdb

DEFAULTS: Final[Mapping[str, Any]] = {
    "since": date(1000, 1, 1),  # PySpark binds no year of fewer digits
    "until": date.max,
    "limit": 20,
}
"""Every parameter that a question may take, with its default."""

_HEADER: Final = re.compile(
    r"-- (?P<key>\w+)(?: (?P<column>\w+)(?: \[(?P<unit>.+)\])?)?: (?P<text>.+)"
)
_CONTINUED: Final = re.compile(r"--  +(?P<text>.+)")
_CHART: Final = re.compile(r"(?P<kind>\w+) x=(?P<x>\w+) y=(?P<y>\w+(?:,\w+)*)")
_PARAMETER: Final = re.compile(r"(?<!:):([a-z]+)\b")


class QuestionError(ValueError):
    """Malformed question file; the message names the question and, if one is at fault, the line."""


class ChartKind(StrEnum):
    """Kind of chart."""

    LINE = "line"
    BAR = "bar"


@dataclass(frozen=True, slots=True)
class Chart:
    """Chart of an answer: `x` and each series of `y` are columns."""

    kind: ChartKind
    x: str
    y: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """Meaning of a column of the answer; `unit` is empty if there is none."""

    column: str
    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Question about the lake. `sql` holds `:name` for each of its `parameters`."""

    name: str
    title: str
    about: str
    meanings: tuple[Meaning, ...]
    chart: Chart
    parameters: tuple[str, ...]
    sql: str


def read_questions(folder: Path) -> dict[str, Question]:
    """Return the questions in the .sql files of a folder, by name.

    Raises:
        QuestionError: a file is malformed.
    """
    questions = (
        parse_question(path.stem.replace("_", "-"), path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.sql"))
    )
    return {question.name: question for question in questions}


def parse_question(name: str, text: str) -> Question:
    """Return the question in the text of a file.

    Raises:
        QuestionError: the text is malformed.
    """
    header, sql = _split(text)
    title, about, chart = "", "", None
    meanings: list[Meaning] = []
    for number, line in _joined(header):
        match = _HEADER.fullmatch(line)
        if match is None:
            raise QuestionError(f"{name}, line {number}: `-- key: text` is expected")
        key, column = match["key"], match["column"]
        match (key, column):
            case ("title", None):
                title = match["text"]
            case ("about", None):
                about = match["text"]
            case ("chart", None):
                chart = _chart(name, number, match["text"])
            case ("column", str()):
                meanings.append(Meaning(column, match["text"], match["unit"] or ""))
            case _:
                raise QuestionError(f"{name}, line {number}: {key!r} means nothing here")
    if not (title and about and meanings) or chart is None:
        raise QuestionError(f"{name}: title, about, column and chart are all needed")
    if missing := {chart.x, *chart.y} - {meaning.column for meaning in meanings}:
        raise QuestionError(f"{name}: the chart shows {min(missing)}, which is no column")
    return Question(name, title, about, tuple(meanings), chart, _parameters(name, sql), sql)


def _split(text: str) -> tuple[list[str], str]:
    lines = text.splitlines()
    count = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return lines[:count], "\n".join(lines[count:]).strip()


def _joined(header: list[str]) -> Iterator[tuple[int, str]]:
    """Yield (line number, entry), with continued lines put together."""
    entry, began = "", 0
    for number, line in enumerate(header, 1):
        continued = _CONTINUED.fullmatch(line)
        if continued and entry:
            entry = f"{entry} {continued['text']}"
            continue
        if entry:
            yield began, entry
        entry, began = line, number
    if entry:
        yield began, entry


def _chart(name: str, number: int, text: str) -> Chart:
    match = _CHART.fullmatch(text)
    if match is None or match["kind"] not in set(ChartKind):
        kinds = " or ".join(ChartKind)
        raise QuestionError(f"{name}, line {number}: `{kinds} x=column y=column,…` is expected")
    return Chart(ChartKind(match["kind"]), match["x"], tuple(match["y"].split(",")))


def _parameters(name: str, sql: str) -> tuple[str, ...]:
    used = set(_PARAMETER.findall(sql))
    if unknown := used - DEFAULTS.keys():
        raise QuestionError(f"{name}: there is no parameter :{min(unknown)}")
    return tuple(parameter for parameter in DEFAULTS if parameter in used)


def duckdb_sql(question: Question) -> str:
    """Return the SQL with parameters in DuckDB's syntax; Spark takes `question.sql` as it is."""
    return _PARAMETER.sub(r"$\1", question.sql)


def tables_read(question: Question) -> set[str]:
    """Return the names of the tables that a question reads."""
    with duckdb.connect(":memory:") as parser:
        return parser.get_table_names(_PARAMETER.sub("NULL", question.sql))
