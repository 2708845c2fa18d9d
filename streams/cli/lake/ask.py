"""`storyline ask`: answers of the lake as a table, JSON, CSV or a picture."""

import time
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, err, out, print_json
from streams.cli.read.options import checked_text
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.app.lake.ask import Options
    from streams.lakehouse.answers import QuestionAnswer
    from streams.lakehouse.questions import Question

app = command_app()

EXAMPLES = """Examples:

\b
  storyline ask --list
  storyline ask dau --since 2026-03-01 --until 2026-03-07
  storyline ask top-creators --limit 5 --plot creators.png
  storyline ask story-funnel --csv > funnel.csv
  storyline ask --sql "SELECT COUNT(*) FROM fact_engagement" --json
  storyline ask --sql "SHOW TABLES"
  storyline ask --sql - < question.sql

\b
Days are UTC, both included. --sql runs one statement that reads, in
DuckDB: SELECT, WITH, DESCRIBE, SUMMARIZE or SHOW;
docs/lake/data-dictionary.md describes the lake's tables. On the screen a
table ends after 1,000 rows, --json and --csv never. In JSON, ids and whole
numbers beyond 2^53 are strings.

\b
Exit code:
  0  answered
  1  there is no such lake or table, or the SQL failed
  2  wrong usage: no such question or option, SQL that does not only read
"""

DAY_FORMAT = ["%Y-%m-%d"]
Since = Annotated[
    datetime | None,
    typer.Option("--since", help="First day.", formats=DAY_FORMAT, metavar="DAY"),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", help="Last day.", formats=DAY_FORMAT, metavar="DAY"),
]


@app.command(epilog=EXAMPLES)
def ask(
    name: Annotated[str | None, typer.Argument(help="A question, see --list.")] = None,
    sql: Annotated[
        str | None, typer.Option("--sql", help="SQL instead; - reads it from standard input.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Rows of a top list (default 20).")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the answer as a PNG.", dir_okay=False)
    ] = None,
    as_json: JsonFlag = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for scripts.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the questions.")] = False,
) -> None:
    """Ask the lake, by a question's name or by SQL."""
    if listed:
        _list(as_json)
        return
    if (name is None) == (sql is None):
        raise UserError(
            "either a question's name or --sql is expected",
            hint="`storyline ask --list` shows the questions",
            exit_code=2,
        )
    if as_json and as_csv:
        raise UserError("--json and --csv exclude each other", exit_code=2)
    if sql is not None and (since or until or limit):
        raise UserError("--sql takes no --since, --until or --limit: write them", exit_code=2)
    if plot and plot.suffix.lower() != ".png":
        raise UserError(f"--plot {plot}: a name that ends in .png is expected", exit_code=2)

    from streams.app.lake.ask import Options, question_named

    options = Options(since and since.date(), until and until.date(), limit)
    question = None if name is None else question_named(name)
    began = time.monotonic()
    with _answered(question, sql, options) as answer:
        count = _show(answer, question, plot, as_json=as_json, as_csv=as_csv)
    rows = "1 row" if count == 1 else f"{count:,} rows"
    err.print(f"{rows} in {time.monotonic() - began:.2f} s", style="dim", highlight=False)


def _answered(
    question: "Question | None", sql: str | None, options: "Options"
) -> "AbstractContextManager[QuestionAnswer]":
    from streams.app.lake.ask import answered, answered_sql
    from streams.app.settings import settings

    if question is not None:
        return answered(settings(), question, options)
    if sql == "-":
        try:
            text = typer.get_text_stream("stdin").read()
        except UnicodeDecodeError as error:
            raise UserError(f"standard input is not UTF-8 text: {error}", exit_code=2) from None
    else:
        text = checked_text("--sql", str(sql))
    return answered_sql(settings(), text)


def _show(
    answer: "QuestionAnswer",
    question: "Question | None",
    plot: Path | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> int:
    """Print the answer, draw it into `plot` if that is given, and return its number of rows."""
    from streams.cli.lake import ask_output

    waiting = err.status("asking …") if err.is_terminal else nullcontext()
    with waiting:
        answer = answer.with_first_row()
        rows = list(answer.rows) if plot else None
    if plot and rows is not None:
        from streams.app.lake.ask import draw

        draw(answer, rows, question, plot)
        err.print(f"drawn into {plot}", style="dim", highlight=False)
    given = answer.rows if rows is None else iter(rows)
    if as_json:
        return ask_output.print_json_rows(answer, given)
    if as_csv:
        return ask_output.print_csv(answer, given)
    return ask_output.print_rows(answer, given, title=question.title if question else None)


def _list(as_json: bool) -> None:
    from rich.table import Table

    from streams.app.lake.ask import questions

    known = questions().values()
    if as_json:
        print_json([_described(question) for question in known])
        return
    table = Table("question", "title", "options")
    for question in known:
        options = " ".join(f"--{name}" for name in question.parameters)
        table.add_row(question.name, question.title, options)
    out.print(table)


def _described(question: "Question") -> dict[str, Any]:
    return {
        "name": question.name,
        "title": question.title,
        "about": question.about,
        "columns": {meaning.column: meaning.text for meaning in question.meanings},
        "options": [f"--{name}" for name in question.parameters],
    }
