"""`storyline cdc`: the accounts' change stream from PostgreSQL into Kafka."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, err, out, print_json, print_table
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.accounts.stream import StreamStatus

app = command_app(
    help="Capture changes of accounts: make, show, check, restart, watch and drop the connector.",
    epilog="Examples:  storyline cdc apply  |  storyline cdc status --json",
)

NOT_FLOWING = 3
HARMED = 3

STATUS_EXAMPLES = """Examples:

\b
  storyline cdc status
  storyline cdc status --json | jq .slot.lag_bytes

\b
Exit code:
  0  changes are captured
  3  they are not, or Connect or PostgreSQL does not answer
  1  neither answers
"""


CHECK_EXAMPLES = """Examples:

\b
  storyline cdc check "ALTER TABLE users ADD COLUMN bio text"
  storyline cdc check --file planned.sql
  storyline cdc check --file planned.sql --json | jq .findings

\b
Leave out BEGIN and COMMIT. Statements about other tables cannot be tried.

\b
Exit code:
  0  the stream survives
  3  it does not: a finding says why, and what to do
  1  PostgreSQL refuses the statements, or a server failed
  2  wrong usage
"""


@app.command(epilog="Examples:  storyline cdc apply  |  storyline cdc apply --within 900 --json")
def apply(
    within: Annotated[
        float, typer.Option(min=0, help="Seconds to wait; a first snapshot may take minutes.")
    ] = 120,
    as_json: JsonFlag = False,
) -> None:
    """Create or update the connector, and wait until changes flow.

    Safe to repeat: a connector that is configured so already is left alone.
    """
    from streams.app.accounts.change_stream import apply as apply_connector
    from streams.app.accounts.change_stream import capture
    from streams.app.settings import settings

    found = settings()
    with err.status("connecting …") as status:
        changed, stream = apply_connector(found, status.update, within)
    if as_json:
        print_json({"changed": changed, **_as_json(capture(found).name, stream)})
    else:
        done = "is configured" if changed else "was configured so already"
        out.print(f"the connector {capture(found).name} {done}; changes flow", highlight=False)


@app.command(epilog=STATUS_EXAMPLES)
def status(as_json: JsonFlag = False) -> None:
    """Show the connector, its task, its slot, and the changes that the lake refused."""
    from streams.app.accounts.change_stream import capture, stream_status
    from streams.app.lake.refused_changes import refused_changes
    from streams.app.settings import settings
    from streams.cli.lake.refused_output import refused_json, refused_rows

    found = settings()
    status = stream_status(found)
    refused = refused_changes(found)
    shown = _as_json(capture(found).name, status)
    if as_json:
        print_json({**shown, "refused_changes": refused_json(refused)})
    else:
        rows = [*_rows(shown), *refused_rows(refused)]
        print_table(("change stream", shown["connector"]), rows)
    if not status.flows:
        raise typer.Exit(NOT_FLOWING)


@app.command(epilog=CHECK_EXAMPLES)
def check(
    statements: Annotated[
        str | None, typer.Argument(metavar="[SQL]", help="The planned statements.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="PATH", help="Read them here; - is stdin.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say whether the stream survives a planned change of the table users, and why.

    PostgreSQL runs the statements on an empty copy of the table, inside a transaction that is
    rolled back, and the registry is asked about the schema that results. Nothing is changed.
    """
    from streams.app.accounts.change_stream import check_ddl
    from streams.app.settings import settings

    text = _statements(statements, file)
    found = check_ddl(settings(), text)
    harmed = any(finding.harm for finding in found)
    if as_json:
        print_json({"survives": not harmed, "findings": [finding._asdict() for finding in found]})
    else:
        verdict = "does NOT survive it" if harmed else "survives it"
        out.print(f"the change stream {verdict}", highlight=False)
        for finding in found:
            advice = f": {finding.advice}" if finding.advice else ""
            line = f"  {'harm' if finding.harm else 'note'}  {finding.what}{advice}"
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    if harmed:
        raise typer.Exit(HARMED)


def _statements(given: str | None, file: str | None) -> str:
    if (given is None) == (file is None):
        raise UserError(
            "the statements are missing, or given twice",
            hint="as an argument, or with --file PATH; see storyline cdc check --help",
            exit_code=2,
        )
    if file is not None:
        given = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    text = (given or "").strip()
    if not text:
        raise UserError("there is no statement to check", exit_code=2)
    return text


@app.command(epilog="Example:  storyline cdc restart")
def restart() -> None:
    """Restart the connector and its task, and wait until changes flow."""
    from streams.app.accounts.change_stream import FLOWS_WITHIN_S, change_stream
    from streams.app.settings import settings

    with err.status("connecting …") as status, change_stream(settings()) as stream:
        stream.restart(within_s=FLOWS_WITHIN_S, progress=status.update)
    out.print("restarted; changes flow")


@app.command(epilog="Example:  storyline cdc watch")
def watch() -> None:
    """Look after the connector until Ctrl-C or SIGTERM, and export its metrics.

    A failed task is restarted with growing pauses while the registry answers; after some tries in
    a row it is left to a person. No connector is made: that is what `cdc apply` does.
    """
    from streams.app.accounts.change_stream import watch as watch_connector
    from streams.app.logs import configure_logs
    from streams.app.settings import settings

    configure_logs()
    watch_connector(settings())


@app.command(epilog="Examples:  storyline cdc drop  |  storyline cdc drop --yes")
def drop(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove the connector, its position and its slot; topics and tables stay.

    Changes made until the next `cdc apply` are not captured one by one: it begins with a snapshot
    of the rows as they are then.
    """
    from streams.app.accounts.change_stream import capture, change_stream
    from streams.app.settings import settings

    found = settings()
    with change_stream(found) as stream:
        if not yes:
            typer.confirm(f"Drop the connector {capture(found).name} and its slot?", abort=True)
        with err.status("dropping …"):
            stream.drop()
    out.print(f"dropped the connector {capture(found).name} and its slot", highlight=False)


def _as_json(name: str, status: "StreamStatus") -> dict[str, Any]:
    from streams.accounts.diagnosis import diagnosed

    connector, slot = status.connector, status.slot
    cause, advice = diagnosed(connector.trace) if connector and connector.trace else (None, None)
    missing = "" if status.connect_error else "make it with: storyline cdc apply"
    return {
        "connector": name,
        "flows": status.flows,
        "state": _state(status),
        "tasks": [task.state for task in connector.tasks] if connector else [],
        "error": cause,
        "advice": advice if connector else missing or None,
        "connect_error": status.connect_error or None,
        "database_error": status.database_error or None,
        "slot": slot._asdict() if slot else None,
        "heartbeat_age_s": status.heartbeat_age_s,
    }


def _state(status: "StreamStatus") -> str:
    """Return the connector's state; UNKNOWN if Connect does not answer."""
    from streams.accounts.connect_client import ConnectorState

    if status.connect_error:
        return ConnectorState.UNKNOWN
    return status.connector.connector.state if status.connector else ConnectorState.MISSING


def _rows(shown: dict[str, Any]) -> list[tuple[str, Any]]:
    slot, age = shown["slot"], shown["heartbeat_age_s"]
    rows = [
        ("connector", shown["connect_error"] or shown["state"]),
        ("tasks", ", ".join(shown["tasks"]) or ("unknown" if shown["connect_error"] else "none")),
        ("slot", shown["database_error"] or ("none" if slot is None else _slot_state(slot))),
    ]
    if slot is not None:
        rows += [
            ("slot lag", _size(slot["lag_bytes"])),
            ("WAL kept", _size(slot["wal_kept_bytes"])),
        ]
    if not shown["database_error"]:
        rows.append(("heartbeat", "none" if age is None else f"{age:.1f} s ago"))
    rows += [(what, shown[what]) for what in ("error", "advice") if shown[what]]
    return rows


def _slot_state(slot: dict[str, Any]) -> str:
    if slot["lost"]:
        return "lost: begin again with storyline cdc drop, then storyline cdc apply"
    return "active" if slot["active"] else "not in use"


def _size(size: int | None) -> str:
    return "unknown" if size is None else f"{size:,} bytes"
