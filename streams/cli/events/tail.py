"""`storyline tail`: a topic's records, decoded, with their positions."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, print_json_line, visible
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.dlq.record_view import RecordView

app = command_app()

_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)

EXAMPLES = """Examples:

\b
  storyline tail social.posts.v1
  storyline tail social.posts.v1 --from -5
  storyline tail social.likes.v1 --from end -f
  storyline tail social.posts.v1.dlq --json
  storyline tail social.posts.v1 -n 3 --json | jq .event

\b
A line: partition:offset, append time, record type, fields. A record that
cannot be applied is shown with its error code. The order is kept within a
partition.

\b
Exit code:
  0  done
  1  the broker or registry failed, or the topic is unknown
  2  wrong usage
"""


@app.command(epilog=EXAMPLES)
def tail(
    topic: Annotated[str, typer.Argument(help="A topic, or a dead letter topic (.dlq).")],
    start: Annotated[
        str,
        typer.Option(
            "--from",
            help="beginning, end, an offset, or -N for the last N of each partition.",
        ),
    ] = "beginning",
    count: Annotated[
        int | None, typer.Option("-n", min=1, help="Stop after this many records.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for new records; end with Ctrl-C.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print a topic's decoded events."""
    from streams.app.broker import log_reader, schema_registry
    from streams.app.settings import settings
    from streams.dlq.record_view import decode_for_display, source_of, view_json

    source_of(topic)
    first = _start(start)
    lookup = schema_registry(settings()).schema_text
    shown = 0
    # From the end without following there would be nothing to see.
    chunks = log_reader(settings()).read(topic, first, follow=follow or first is None)
    for records in chunks:
        for view in decode_for_display(records, topic, lookup):
            if as_json:
                print_json_line(view_json(view))
            else:
                typer.echo(visible(_line(view)))
            shown += 1
            if shown == count:
                return


def _start(text: str) -> int | None:
    if text == "beginning":
        return 0
    if text == "end":
        return None
    if not _NUMBER.fullmatch(text):
        raise UserError(f"--from {text}: beginning, end or an offset is expected", exit_code=2)
    return int(text)


def _line(view: "RecordView") -> str:
    import orjson

    from streams.dlq.record_view import view_json

    shown = view_json(view)
    parts = [f"{shown['partition']}:{shown['offset']}", str(shown["append_time"])]
    for name in ("dead_letter", "error"):
        if name in shown:
            reason = shown[name]
            group = f" [{reason['group']}]" if "group" in reason else ""
            parts.append(f"{reason.get('code', '?')}{group}: {reason.get('message', '')}")
    event = shown.get("event")
    if event is None:
        parts.append(f"value {shown['value_base64']}")
    else:
        parts += [event.pop("type"), orjson.dumps(event).decode()]
    return "  ".join(parts)
