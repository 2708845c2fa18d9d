"""`storyline publish`: events from JSON lines into the log."""

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from streams.cli.common.command import command_app
from streams.cli.common.files import open_input
from streams.cli.common.output import JsonFlag, err, print_json

if TYPE_CHECKING:
    from streams.app.events.publish import LineError, LinePublisher, PublishOutcome

app = command_app()

SOME_REFUSED = 3
_ERRORS_IN_JSON = 100

EXAMPLES = """Examples:

\b
  storyline publish events.jsonl
  storyline publish --dry-run events.jsonl
  storyline generate --users 1000 | storyline publish -
  storyline publish avro/examples/PostCreated/good-minimal.json

\b
A line is one event. What is left out is minted: event_id, occurred_at, the
id of a new post, story or comment, a story's expires_at. Ids are strings or
numbers, times RFC 3339 or milliseconds since 1970. An object over several
lines or an array is refused: jq -c . or jq -c '.[]' makes lines of it.

\b
Exit code:
  0  every line was acknowledged
  3  some lines were refused, the others acknowledged
  1  the file, broker or registry failed; the summary says how far it came
  2  wrong usage
"""


@app.command(epilog=EXAMPLES)
def publish(
    file: Annotated[str, typer.Argument(help="JSON lines; - reads standard input.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every line, send nothing; needs no server.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Publish events, one JSON object a line; bad lines are reported, and the others still go."""
    errors: list[LineError] = []

    def refuse(error: "LineError") -> None:
        if len(errors) < _ERRORS_IN_JSON:
            errors.append(error)
        name = "standard input" if file == "-" else file
        sys.stderr.write(f"{name}:{error.line}: {error.code}: {error.message}\n")

    with ExitStack() as closing:
        stream, size = open_input(file, closing)
        publisher, producer = _publisher(refuse, dry_run=dry_run)
        try:
            _publish_all(stream, size, publisher)
        finally:
            if producer is not None:
                _close(producer)
            _summary(publisher.outcome, errors, dry_run=dry_run, as_json=as_json)
    if publisher.outcome.failure is not None:
        raise publisher.outcome.failure
    if publisher.outcome.refused:
        raise typer.Exit(SOME_REFUSED)


def _publisher(refuse: Any, *, dry_run: bool) -> "tuple[LinePublisher, Any]":
    from streams.app.events.publish import LinePublisher, check_only
    from streams.app.settings import settings
    from streams.contracts.ids import SnowflakeGenerator

    if dry_run:
        return LinePublisher(check_only, SnowflakeGenerator(settings().node_id), refuse), None
    from streams.app.broker import event_producer

    producer = event_producer(settings())
    return LinePublisher(producer.publish, producer.mint, refuse), producer


def _publish_all(stream: BinaryIO, size: int | None, publisher: "LinePublisher") -> None:
    from streams.app.events.json_lines import lines_of
    from streams.cli.common.progress_bar import line_bar

    with line_bar("publishing", size) as show:
        for count, line in enumerate(lines_of(stream), start=1):
            publisher.line(line)
            if count % 500 == 0:
                show(line)


def _close(producer: Any) -> None:
    """Wait for the acknowledgements; failures are in the outcome already."""
    from streams.producer import PublishError

    try:
        producer.close()
    except PublishError:
        return


def _summary(
    outcome: "PublishOutcome", errors: "list[LineError]", *, dry_run: bool, as_json: bool
) -> None:
    if as_json:
        print_json(_as_json(outcome, errors, dry_run=dry_run))
        return
    did = "would publish" if dry_run else "published"
    parts = [f"{did} {outcome.published:,} events"]
    if outcome.refused:
        parts.append(f"refused {outcome.refused:,} lines")
    if outcome.failed:
        parts.append(f"{outcome.failed:,} were not acknowledged")
    err.print(", ".join(parts), markup=False, highlight=False)


def _as_json(
    outcome: "PublishOutcome", errors: "list[LineError]", *, dry_run: bool
) -> dict[str, Any]:
    from streams.record import RecordPosition

    return {
        "dry_run": dry_run,
        "published": outcome.published,
        "refused": outcome.refused,
        "not_acknowledged": outcome.failed,
        "errors": [error._asdict() for error in errors],
        "errors_left_out": outcome.refused - len(errors),
        "positions": []
        if dry_run
        else [
            {**position._asdict(), "position": str(position)}
            for position in sorted(
                RecordPosition(*partition, offset)
                for partition, offset in outcome.positions.items()
            )
        ],
    }
