"""`storyline lake`: jobs and status of the historical tables."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, err, out, print_json, print_json_line, print_table
from streams.errors import UserError

if TYPE_CHECKING:
    from jobs.failures import Failure
    from jobs.micro_batches import BatchDone
    from streams.app.lake.run import Reporter
    from streams.app.lake.status import LakeStatus

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

REBUILD_EXAMPLES = """Examples:

\b
  storyline lake rebuild bronze_follows    after rows were deleted there
  storyline lake rebuild dim_date
  storyline lake rebuild --all --dry-run
"""

MIGRATE_EXAMPLES = """Examples:

\b
  storyline lake migrate
  storyline lake status --json | jq '.tables[] | select(.int96_files > 0)'
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

    Goes on until Ctrl-C or SIGTERM, which let the current batch finish. Killed at any point, the
    next run goes on to the same tables. One run at a time works on a lake. A job that fails keeps
    no other from going on and is tried again in the next round; the exit code is then 1.
    """
    from streams.app.lake.run import run_lake
    from streams.app.settings import settings

    with _reporter(as_json) as reporter:
        run_lake(settings(), once=once, every_s=every, reporter=reporter)


@app.command(epilog=REBUILD_EXAMPLES)
def rebuild(
    table: Annotated[
        str | None, typer.Argument(help="A bronze table that was changed, or a table of the star.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Rebuild the whole star.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would start over, and change nothing.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Start the jobs over that read TABLE or make it, from the first row of bronze.

    Their checkpoints and tables are removed, then all jobs run once. Needed after rows of bronze
    were deleted, after files were vacuumed before the jobs had read them, or after a table was
    made again. Interrupted, it goes on with the next `storyline lake run`.
    """
    from streams.app.lake.rebuild import rebuild as rebuild_lake
    from streams.app.lake.removal import rebuild_of, rebuild_of_all
    from streams.app.settings import settings

    if (table is None) != everything:
        raise UserError("either a table or --all is expected", exit_code=2)
    parts = rebuild_of_all() if table is None else rebuild_of(table)
    if as_json:
        print_json_line({"rebuild": parts._asdict()})
    else:
        for name, values in parts._asdict().items():
            line = f"{_PARTS[name]}: {', '.join(values) or '-'}"
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    if not dry_run:
        with _reporter(as_json) as reporter:
            rebuild_lake(settings(), parts, reporter)


_PARTS = {
    "jobs": "jobs that start over",
    "tables": "tables removed and filled again",
    "sources": "read again from the start",
}


@app.command(epilog=MIGRATE_EXAMPLES)
def migrate(as_json: JsonFlag = False) -> None:
    """Rewrite the files of earlier versions whose timestamps most readers misread.

    They hold times as INT96; Polars and delta-rs return another instant, or refuse the table, for
    times before 1677-09-21 or after 2262-04-11. No value changes. Interrupted, the next migration
    writes what is left.
    """
    from streams.app.lake.migrate import Rewritten
    from streams.app.lake.migrate import migrate as migrate_lake
    from streams.app.settings import settings

    def report(done: Rewritten) -> None:
        if as_json:
            print_json_line(done._asdict())
        else:
            line = f"{done.table}: {done.files:,} files rewritten, {done.left:,} left"
            out.print(line, markup=False, highlight=False, soft_wrap=True)

    with _reporter(as_json) as reporter:
        found = migrate_lake(settings(), reporter, report)
    if not as_json:
        total = sum(found.values())
        done = f"rewrote {total:,} files of {len(found)} tables" if total else "nothing to migrate"
        out.print(done, highlight=False)


@contextmanager
def _reporter(as_json: bool) -> "Iterator[Reporter]":
    """Yield a reporter that prints batches on standard output and failures on standard error.

    With `as_json` batches are JSON lines, and failures are JSON lines on standard output, too.
    """
    from streams.app.lake.run import Reporter
    from streams.cli.stack.progress import Display

    def batch(done: "BatchDone") -> None:
        if as_json:
            print_json_line(asdict(done))
        else:
            out.print(line_of(done), markup=False, highlight=False, soft_wrap=True)

    def failure(failed: "Failure") -> None:
        if as_json:
            line = {"job": failed.job, "message": failed.message, "hint": failed.hint}
            print_json_line({"failure": line})
        typer.echo(f"{failed.job} failed: {failed.message}\n  {failed.hint}", err=True)
        if os.environ.get("STORYLINE_DEBUG"):
            typer.echo(failed.detail, err=True)

    with Display() as display, err.status("starting Spark …") as status:
        yield Reporter(batch, failure, display, status.stop)


def line_of(done: "BatchDone") -> str:
    """Return a batch in one line, for people."""
    counts = asdict(done.counts)
    parts = (f"{counts[name]:,} {name}" for name in counts if counts[name] or name == "rows")
    return f"{done.query} batch {done.batch_id}: {', '.join(parts)}, {done.seconds:.1f} s"


@app.command(epilog=STATUS_EXAMPLES)
def status(
    as_json: JsonFlag = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if a job has failed.")
    ] = False,
) -> None:
    """Show tables, how far the lake has taken the log, and how far the jobs have read bronze.

    Jobs that failed in their last round are named, with the reason and since when.
    """
    from streams.app.lake.status import lake_status
    from streams.app.settings import settings

    found = lake_status(settings())
    if as_json:
        parts = found._asdict()
        print_json({name: [row._asdict() for row in rows] for name, rows in parts.items()})
    else:
        _show_status(found)
    if check and found.failures:
        raise typer.Exit(1)


def _show_status(found: "LakeStatus") -> None:
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
    print_table(
        ("job", "reads", "up to version", "of"),
        ((*q[:2], "damaged" if q.read is None else q.read, q.version) for q in found.queries),
    )
    for failure in found.failures:
        line = f"{failure.job} has failed since {failure.since}: {failure.message}"
        out.print(f"{line}\n  {failure.hint}", markup=False, highlight=False, soft_wrap=True)
    if old := [row.table for row in found.tables if row.int96_files]:
        line = f"times before 1677-09-21 or after 2262-04-11 are misread from {', '.join(old)}"
        advice = "storyline lake migrate rewrites their files"
        out.print(f"{line}\n  {advice}", markup=False, highlight=False, soft_wrap=True)
