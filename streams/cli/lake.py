"""`storyline lake`: the historical tables."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, err, out, print_json, print_json_line, print_table

if TYPE_CHECKING:
    from jobs.streaming import BatchDone

app = command_app(
    help="The historical tables in Delta Lake.",
    epilog="Examples:  storyline lake run --once  |  storyline lake dictionary",
)

RUN_EXAMPLES = """Examples:

\b
  storyline lake run --once
  storyline lake run --every 30
  storyline lake run --once --json | jq .counts
"""

DICTIONARY_EXAMPLES = """Examples:

\b
  storyline lake dictionary | less
  storyline lake dictionary > docs/lake/data-dictionary.md
"""


STATUS_EXAMPLES = """Examples:

\b
  storyline lake status
  storyline lake status --json | jq '.tables[] | select(.age_s > 60)'
"""


@app.command(epilog=DICTIONARY_EXAMPLES)
def dictionary() -> None:
    """Print every table and column of the lake, as Markdown."""
    from streams.lakehouse.dictionary import data_dictionary

    typer.echo(data_dictionary(), nl=False)


@app.command(epilog=RUN_EXAMPLES)
def run(
    once: Annotated[
        bool, typer.Option("--once", help="Stop when everything is up to bronze.")
    ] = False,
    every: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Pause between two rounds.")
    ] = 10.0,
    as_json: JsonFlag = False,
) -> None:
    """Bring dimensions and facts up to the bronze tables, with Spark.

    Goes on until Ctrl-C or SIGTERM, which let the batch in hand finish. Killed at any point, the
    next run goes on to the same tables. One run at a time works on a lake.
    """
    from streams.app.lake import run_lake
    from streams.app.settings import settings
    from streams.cli.stack_progress import Display

    with Display() as display, err.status("starting Spark …") as status:
        run_lake(
            settings(),
            once=once,
            every_s=every,
            report=_report(as_json),
            downloads=display,
            started=status.stop,
        )


def _report(as_json: bool) -> "Callable[[BatchDone], None]":
    def tell(done: "BatchDone") -> None:
        if as_json:
            print_json_line(asdict(done))
        else:
            out.print(line_of(done), markup=False, highlight=False, soft_wrap=True)

    return tell


def line_of(done: "BatchDone") -> str:
    """A batch in one line, for people."""
    counts = asdict(done.counts)
    told = (f"{counts[name]:,} {name}" for name in counts if counts[name] or name == "rows")
    return f"{done.query} batch {done.batch_id}: {', '.join(told)}, {done.seconds:.1f} s"


@app.command(epilog=STATUS_EXAMPLES)
def status(as_json: JsonFlag = False) -> None:
    """Show tables, how far the lake has taken the log, and how far the jobs have read bronze."""
    from streams.app.lake_status import lake_status
    from streams.app.settings import settings

    found = lake_status(settings())
    if as_json:
        parts = found._asdict()
        print_json({name: [row._asdict() for row in rows] for name, rows in parts.items()})
        return
    print_table(
        ("table", "rows", "files", "KiB", "version", "last commit"),
        (
            (
                row.table,
                f"{row.rows:,}",
                row.files,
                f"{row.bytes / 1024:,.0f}",
                row.version,
                f"{row.age_s:,.0f} s ago",
            )
            for row in found.tables
        ),
    )
    print_table(
        ("topic", "partition", "the lake reads on at", "log ends at"),
        (
            (row.topic, row.partition, row.next_offset, "?" if row.end is None else row.end)
            for row in found.partitions
            if row.next_offset or row.end
        ),
    )
    print_table(("job", "reads", "up to version", "of"), found.queries)
