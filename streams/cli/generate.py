"""`storyline generate`: a synthetic network's events."""

import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.command import command_app
from streams.cli.emitting import Bad, Destination, Duplicates, Out, Publish, Speed, Summary
from streams.cli.reading import parse_instant
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.generate.world import Plan

app = command_app()

_WEEKLY = 60  # events a user
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGO = re.compile(r"now(?:-(\d{1,6})([mhd]))?")


def parse_start(text: str) -> int:
    """`now`, `now-7d`, `now-36h`, `now-90m`, RFC 3339 or ms since the epoch, to ms."""
    ago = _AGO.fullmatch(text)
    if ago is None:
        return parse_instant(text)
    back = int(ago[1]) * _UNITS_MS[ago[2]] if ago[1] else 0
    return time.time_ns() // 1_000_000 - back


@app.command(
    epilog="""\b
Examples:
  storyline generate --events 300000 --out week.jsonl
  storyline generate --start now-7d --publish --bad 8
  storyline generate --start now --publish --speed 1
""",
)
def generate(
    users: Annotated[int, typer.Option(help="How many people, 1 to 10,000,000.")] = 5000,
    events: Annotated[
        int | None, typer.Option(min=1, help="How many events. Default: 60 a user and week.")
    ] = None,
    days: Annotated[float, typer.Option(min=0.001, max=3650, help="Over how many days.")] = 7.0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Stop after that many of the events.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed and options, same events.")] = 1,
    start: Annotated[
        int,
        typer.Option(parser=parse_start, metavar="TIME", help="RFC 3339, now, now-7d, now-36h."),
    ] = "2025-01-06T00:00:00Z",  # type: ignore[assignment]
    oddities: Annotated[
        float, typer.Option(min=0, max=1, help="Share of valid but hard events: early, undone.")
    ] = 0.005,
    duplicates: Duplicates = 0.0,
    bad: Bad = 0,
    node: Annotated[
        int, typer.Option(min=1001, max=1021, help="Snowflake node of the ids.")
    ] = 1001,
    out: Out = None,
    publish: Publish = False,
    speed: Speed = None,
    summary: Summary = False,
) -> None:
    """Generate the events of a synthetic social network, in time order.

    User 1 is followed by a tenth of all, the others by ever fewer. A run is repeatable: the same
    options give the same bytes (`--start now` aside).
    """
    from itertools import islice

    from streams.cli.emitting import emit
    from streams.generate.duplicates import with_duplicates
    from streams.generate.network import Network
    from streams.generate.world import Plan

    to = Destination(out, publish, speed, bad)
    try:
        plan = Plan(
            users=users,
            events=events or max(1, round(users * _WEEKLY * days / 7)),
            seed=seed,
            start=start,
            duration=round(days * _UNITS_MS["d"]),
            oddities=oddities,
            node=node,
        )
    except ValueError as error:
        raise UserError(str(error), exit_code=2) from error
    if publish:
        _refuse_the_future(plan, speed)
    count = min(limit or plan.events, plan.events)
    stream = with_duplicates(islice(Network(plan), count), duplicates, seed)
    emit(stream, to, expected=round(count * (1 + duplicates)), as_json=summary)


def _refuse_the_future(plan: "Plan", speed: float | None) -> None:
    """Consumers reject what lies ahead of the broker's clock."""
    now = time.time_ns() // 1_000_000
    live = speed is not None and speed <= 1 and plan.start <= now
    if plan.start + plan.duration > now and not live:
        raise UserError(
            "these events would reach into the future, which consumers reject",
            hint="Begin earlier (--start now-7d), or let them happen: --start now --speed 1",
            exit_code=2,
        )
