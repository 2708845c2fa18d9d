"""`storyline generate`: a synthetic network's events."""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.events.emit import (
    AccountsFile,
    Bad,
    Destination,
    Duplicates,
    NoAccounts,
    Out,
    Publish,
    Speed,
    Summary,
)
from streams.cli.read.options import parse_start
from streams.contracts.times import DAY_MS, now_ms
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.generate.world import Plan

app = command_app()

_WEEKLY = 60  # events per user


@app.command(
    epilog="""\b
Examples:
  storyline generate --events 300000 --out week.jsonl
  storyline generate --start now-7d --publish --bad 8
  storyline generate --start now --publish --speed 1
  storyline generate --out week.jsonl --accounts accounts.jsonl
""",
)
def generate(
    users: Annotated[int, typer.Option(help="Number of people, 1 to 10,000,000.")] = 5000,
    events: Annotated[
        int | None, typer.Option(min=1, help="Number of events. Default: 60 a user and week.")
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
    accounts: AccountsFile = None,
    no_accounts: NoAccounts = False,
    speed: Speed = None,
    summary: Summary = False,
) -> None:
    """Generate the events of a synthetic social network, in time order.

    User 1 is followed by a tenth of all, the others by ever fewer. A run is repeatable: the same
    options give the same bytes (`--start now` aside). With --publish their accounts are kept in
    PostgreSQL on the way: sign-ups, renames, moves, privacy, audience, deletions, returns.
    """
    from itertools import islice

    from streams.cli.events.emit import emit
    from streams.generate.accounts import accounts_of
    from streams.generate.duplicates import with_duplicates
    from streams.generate.network import Network
    from streams.generate.world import Plan

    to = Destination(out, publish, speed, bad, accounts, no_accounts)
    try:
        plan = Plan(
            users=users,
            events=events or max(1, round(users * _WEEKLY * days / 7)),
            seed=seed,
            start=start,
            duration=round(days * DAY_MS),
            oddities=oddities,
            node=node,
        )
    except ValueError as error:
        raise UserError(str(error), exit_code=2) from error
    if publish:
        _refuse_the_future(plan, speed)
    count = min(limit or plan.events, plan.events)
    stream = with_duplicates(islice(Network(plan), count), duplicates, seed)
    expected = round(count * (1 + duplicates))
    members = accounts_of(plan) if to.takes_accounts else None
    emit(stream, to, expected=expected, as_json=summary, accounts=members)


def _refuse_the_future(plan: "Plan", speed: float | None) -> None:
    """Raise UserError if the plan reaches into the future: consumers reject events that are ahead
    of the broker's clock."""
    now = now_ms()
    live = speed is not None and speed <= 1 and plan.start <= now
    if plan.start + plan.duration > now and not live:
        raise UserError(
            "these events would reach into the future, which consumers reject",
            hint="Begin earlier (--start now-7d), or let them happen: --start now --speed 1",
            exit_code=2,
        )
