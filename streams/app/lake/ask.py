"""Answers from the lake to a named question or to a person's own SQL."""

import difflib
import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import jobs
from streams.app.settings import Settings
from streams.errors import UserError
from streams.lakehouse.answers import QuestionAnswer, Row, run
from streams.lakehouse.duck import DECLARED, Limits, opened, parser, require, tables_of
from streams.lakehouse.questions import DEFAULTS, Question, duckdb_sql, read_questions, tables_read
from streams.lakehouse.sql_guard import check

QUESTIONS: Final = Path(jobs.__file__).parent / "questions"


@dataclass(frozen=True, slots=True)
class Options:
    """Options that a person gave, `None` if not given. Days are UTC, both included."""

    since: date | None = None
    until: date | None = None
    limit: int | None = None

    def given(self) -> dict[str, Any]:
        values = {"since": self.since, "until": self.until, "limit": self.limit}
        return {name: value for name, value in values.items() if value is not None}


@functools.cache
def questions() -> Mapping[str, Question]:
    """Return all questions by name."""
    return read_questions(QUESTIONS)


def question_named(name: str) -> Question:
    """Return the question of this name.

    Raises:
        UserError: there is no such question (exit code 2); the hint is the nearest name.
    """
    known = questions()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name.replace("_", "-"), known, 1, cutoff=0.0)
    raise UserError(
        f"there is no question {name!r}",
        hint=f"did you mean {near[0]}? `storyline ask --list` shows all",
        exit_code=2,
    )


@contextmanager
def answered(settings: Settings, question: Question, options: Options) -> Iterator[QuestionAnswer]:
    """Yield the answer to a question; its rows must be read within the context.

    Raises:
        UserError: the question does not take an option, a table cannot be read, or the query
            fails.
    """
    given = options.given()
    for name in given:
        if name not in question.parameters:
            raise UserError(f"{question.name} takes no --{name}", exit_code=2)
    values = {name: given.get(name, DEFAULTS[name]) for name in question.parameters}
    with opened(settings.lake_path, _limits(settings), tables_read(question)) as session:
        yield run(session, duckdb_sql(question), values)


@contextmanager
def answered_sql(settings: Settings, sql: str) -> Iterator[QuestionAnswer]:
    """Yield the answer to a person's own SQL, which may read every table.

    Only the tables that the SQL names must be readable. Rows must be read within the context.

    Raises:
        UserError: the SQL is refused or fails, or a table that it names cannot be read.
    """
    lake = settings.lake_path
    tables = tables_of(lake)
    with parser() as session:
        named = {name.lower() for name in check(session, sql)}
    require(lake, {name for name in DECLARED if name in named})
    needed = [name for name in tables if name.lower() in named]
    # A name that is no table's may be one of DuckDB's own lists of tables, as SHOW TABLES is.
    is_known = bool(named) and named == {name.lower() for name in needed}
    # A table may also be named within the reach of a WITH that gives its name to something else.
    others = [name for name in tables if not is_known or name.lower() in sql.lower()]
    with opened(lake, _limits(settings), needed, optional=others) as session:
        yield run(session, sql)


def draw(
    answer: QuestionAnswer, rows: Sequence[Row], question: Question | None, path: Path
) -> None:
    """Draw an answer into a PNG file, as its question says or as its columns suggest."""
    from streams.lakehouse.charts import draw as draw_png

    draw_png(answer, rows, question, path)


def _limits(settings: Settings) -> Limits:
    return Limits(settings.ask_memory_mb, settings.ask_threads)
