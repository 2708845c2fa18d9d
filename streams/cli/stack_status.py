"""`storyline status`: how the servers and workers are."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, print_json, print_table

if TYPE_CHECKING:
    from streams.stack.status import ProgramStatus

app = command_app()

_LAST_LINES = 2

EXAMPLES = """Examples:

\b
  storyline status
  storyline status --check && echo all ready
  storyline status --json | jq '.[] | select(.state != "ready")'
"""


@app.command(epilog=EXAMPLES)
def status(
    as_json: JsonFlag = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 unless every server is ready.")
    ] = False,
) -> None:
    """Show servers and workers: state, process, ports, memory, log."""
    from streams.app.settings import settings
    from streams.app.stack import local_stack

    rows = local_stack(settings()).status()
    if as_json:
        print_json([asdict(row) | {"log": str(row.log)} for row in rows])
    else:
        print_table(("name", "version", "state", "pid", "ports", "MiB", "up"), map(_cells, rows))
        for row in rows:
            if row.state == "failed":
                _say_why(row)
    if check and any(row.kind == "server" and row.state != "ready" for row in rows):
        raise typer.Exit(1)


def _say_why(row: "ProgramStatus") -> None:
    """The last lines of its log: those of a worker are what it ended with."""
    from streams.stack.starting import tail

    typer.echo(f"\n{row.name} failed; from `storyline logs {row.name}`:")
    for line in tail(row.log, _LAST_LINES):
        typer.echo(f"  {line}")


def _cells(row: "ProgramStatus") -> tuple[object, ...]:
    memory = None if row.memory_bytes is None else row.memory_bytes >> 20
    ports = ", ".join(map(str, row.ports.values()))
    return row.name, row.version, row.state, row.pid, ports, memory, _duration(row.uptime_seconds)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
