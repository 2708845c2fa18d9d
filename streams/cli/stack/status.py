"""`storyline status`: status of the servers and workers."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, print_json, print_table
from streams.cli.workers.blockage_output import agent_of, print_waiting

if TYPE_CHECKING:
    from streams.app.workers.run_files import WorkerReport
    from streams.stack.supervision.status import ProgramStatus

app = command_app()

_LAST_LINES = 2

EXAMPLES = """Examples:

\b
  storyline status
  storyline status --check && echo all ready
  storyline status --json | jq '.[] | select(.state != "ready")'

\b
Exit code with --check:
  0  every server is ready, and no worker has ended by itself, is silent, makes
     no progress, or has waited for longer than STORYLINE_BLOCKED_AFTER_S
  1  otherwise
"""


@app.command(epilog=EXAMPLES)
def status(
    as_json: JsonFlag = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit with 1 unless servers are ready and no worker waits."),
    ] = False,
) -> None:
    """Show servers and workers: state, process, ports, memory, log, and what workers wait at."""
    from streams.app.settings import settings
    from streams.app.stack import local_stack
    from streams.app.workers.run_files import worker_reports

    rows = local_stack(settings()).status()
    reports = worker_reports(settings().home)
    if as_json:
        print_json([_as_json(row, reports) for row in rows])
    else:
        print_table(("name", "version", "state", "pid", "ports", "MiB", "up"), map(_cells, rows))
        for row in rows:
            if row.state == "failed":
                _say_why(row)
        if waiting := [record for report in reports for record in report.waiting]:
            print_waiting(waiting)
        for report in reports:
            if report.silent:
                name, pid = agent_of(report.group), report.pid
                typer.echo(f"the worker {name} (process {pid}) {report.silent}")
            for reason in report.unhealthy:
                typer.echo(f"the worker {agent_of(report.group)} is unhealthy: {reason}")
    if check and not _is_well(rows, reports):
        raise typer.Exit(1)


def _is_well(rows: "Sequence[ProgramStatus]", reports: "Sequence[WorkerReport]") -> bool:
    """Return whether servers are ready, workers answer and are healthy, and no program failed."""
    servers = all(row.state == "ready" for row in rows if row.kind != "worker")
    failed = any(row.state in ("failed", "restarting") for row in rows)
    ill = any(report.silent or report.unhealthy for report in reports)
    return servers and not (failed or ill)


def _as_json(row: "ProgramStatus", reports: "Sequence[WorkerReport]") -> dict[str, Any]:
    """Return a program's state as JSON, with the reports of a worker's processes.

    The reports are those whose group has the worker's name.
    """
    shown = asdict(row) | {"log": str(row.log)}
    if row.kind == "worker":
        mine = [report for report in reports if agent_of(report.group) == row.name]
        shown["waiting"] = [record._asdict() for report in mine for record in report.waiting]
        shown["silent"] = [report.pid for report in mine if report.silent]
        shown["unhealthy"] = [reason for report in mine for reason in report.unhealthy]
    return shown


def _say_why(row: "ProgramStatus") -> None:
    """Print the last lines of a program's log; those of a worker are the error that ended it."""
    from streams.stack.supervision.start import tail

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
