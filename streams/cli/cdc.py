"""`storyline cdc`: the accounts' change stream from PostgreSQL into Kafka."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, err, out, print_json, print_table

if TYPE_CHECKING:
    from streams.accounts.stream import StreamStatus

app = command_app(
    help="Capture changes of accounts: make, show, restart, watch and drop the connector.",
    epilog="Examples:  storyline cdc apply  |  storyline cdc status --json",
)

NOT_FLOWING = 3

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
    from streams.app.change_stream import apply as apply_connector
    from streams.app.change_stream import capture
    from streams.app.settings import settings

    found = settings()
    with err.status("connecting …") as status:
        changed, standing = apply_connector(found, status.update, within)
    if as_json:
        print_json({"changed": changed, **_as_json(capture(found).name, standing)})
    else:
        done = "is configured" if changed else "was configured so already"
        out.print(f"the connector {capture(found).name} {done}; changes flow", highlight=False)


@app.command(epilog=STATUS_EXAMPLES)
def status(as_json: JsonFlag = False) -> None:
    """Show the connector, its task and its slot."""
    from streams.app.change_stream import capture, stream_status
    from streams.app.settings import settings

    found = settings()
    standing = stream_status(found)
    shown = _as_json(capture(found).name, standing)
    if as_json:
        print_json(shown)
    else:
        print_table(("change stream", shown["connector"]), _rows(shown))
    if not standing.flows:
        raise typer.Exit(NOT_FLOWING)


@app.command(epilog="Example:  storyline cdc restart")
def restart() -> None:
    """Restart the connector and its task, and wait until changes flow."""
    from streams.app.change_stream import FLOWS_WITHIN_S, change_stream
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
    from streams.app.change_stream import watch as watch_connector
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
    from streams.app.change_stream import capture, change_stream
    from streams.app.settings import settings

    found = settings()
    with change_stream(found) as stream:
        if not yes:
            typer.confirm(f"Drop the connector {capture(found).name} and its slot?", abort=True)
        with err.status("dropping …"):
            stream.drop()
    out.print(f"dropped the connector {capture(found).name} and its slot", highlight=False)


def _as_json(name: str, standing: "StreamStatus") -> dict[str, Any]:
    from streams.accounts.diagnosis import diagnosed

    connector, slot = standing.connector, standing.slot
    cause, advice = diagnosed(connector.trace) if connector and connector.trace else (None, None)
    missing = "" if standing.connect_error else "make it with: storyline cdc apply"
    return {
        "connector": name,
        "flows": standing.flows,
        "state": _state(standing),
        "tasks": [task.state for task in connector.tasks] if connector else [],
        "error": cause,
        "advice": advice if connector else missing or None,
        "connect_error": standing.connect_error or None,
        "database_error": standing.database_error or None,
        "slot": slot._asdict() if slot else None,
        "heartbeat_age_s": standing.heartbeat_age_s,
    }


def _state(standing: "StreamStatus") -> str:
    """Return the connector's state; UNKNOWN if Connect does not answer."""
    from streams.accounts.connect_client import State

    if standing.connect_error:
        return State.UNKNOWN
    return standing.connector.connector.state if standing.connector else State.MISSING


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
        return "lost: begin anew with storyline cdc drop, then storyline cdc apply"
    return "active" if slot["active"] else "not read by anybody"


def _size(size: int | None) -> str:
    return "unknown" if size is None else f"{size:,} bytes"
