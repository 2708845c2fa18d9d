"""Options with which the `dlq` commands select dead letters."""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.read.options import parse_start
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.dlq.model import DeadLetterState
    from streams.dlq.search import DeadLetterFilter
    from streams.record import RecordPosition

Positions = Annotated[
    list[str] | None,
    typer.Argument(metavar="POSITION", help="Only these: topic.dlq:partition:offset."),
]
Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", metavar="TOPIC", help="Only of this source topic; may be repeated."),
]
Codes = Annotated[
    list[str] | None,
    typer.Option("--code", metavar="CODE", help="Only with this error code; may be repeated."),
]
Groups = Annotated[
    list[str] | None,
    typer.Option("--group", metavar="AGENT", help="Only refused by this group; may be repeated."),
]
Since = Annotated[
    int | None,
    typer.Option(
        "--since",
        parser=parse_start,
        metavar="TIME",
        help="Only first seen then or later: RFC 3339, now-2h, now-7d.",
    ),
]
Until = Annotated[
    int | None,
    typer.Option("--until", parser=parse_start, metavar="TIME", help="Only first seen before."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def parse_dead_letter_position(text: str) -> "RecordPosition":
    """Return the position of a dead letter; raise UserError if the text is not such a position."""
    from streams.contracts.catalog import DLQ_SUFFIX
    from streams.record import parse_position

    try:
        position = parse_position(text)
    except ValueError:
        position = None
    if position is None or not position.topic.endswith(DLQ_SUFFIX):
        raise UserError(
            f"{text!r} is no position of a dead letter",
            hint="write it as `storyline dlq list` does, like social.posts.v1.dlq:3:17",
            exit_code=2,
        )
    return position


def parse_record_position(text: str) -> "RecordPosition":
    """Return the position of a record in a source topic; raise UserError if the text is none."""
    from streams.record import parse_position

    try:
        return parse_position(text)
    except ValueError:
        raise UserError(
            f"{text!r} is no position of a record",
            hint="write it as `storyline lag` does, like social.posts.v1:3:17",
            exit_code=2,
        ) from None


def dead_letter_filter(
    positions: list[str] | None,
    topics: list[str] | None,
    codes: list[str] | None,
    groups: list[str] | None,
    since: int | None,
    until: int | None,
) -> "DeadLetterFilter":
    """Return the filter that the options describe.

    Args:
        positions: Texts of positions of dead letters.
        topics: Names of source topics, or of their dead letter topics.
        codes: Error codes.
        groups: Names of agents or of whole consumer groups.
        since: Earliest time, in milliseconds since the Unix epoch.
        until: End of the time range, excluded, in milliseconds since the Unix epoch.

    Raises:
        UserError: a text is not the position of a dead letter.
    """
    from streams.contracts.catalog import DLQ_SUFFIX
    from streams.dlq.search import DeadLetterFilter

    return DeadLetterFilter(
        topics=frozenset(topic.removesuffix(DLQ_SUFFIX) for topic in topics or ()),
        codes=frozenset(codes or ()),
        groups=frozenset(groups or ()),
        positions=frozenset(map(parse_dead_letter_position, positions or ())),
        since=since,
        until=until,
    )


def states(named: list[str] | None) -> "frozenset[DeadLetterState]":
    """Return the states of these names; empty means any state. Raise UserError for other names."""
    from streams.dlq.model import DeadLetterState

    try:
        return frozenset(map(DeadLetterState, named or ()))
    except ValueError:
        raise UserError(
            f"there is no state {', '.join(named or ())}",
            hint=f"the states are: {', '.join(DeadLetterState)}",
            exit_code=2,
        ) from None
