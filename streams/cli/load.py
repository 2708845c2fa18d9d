"""`storyline load`: recorded interactions as events."""

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.command import command_app
from streams.cli.emitting import (
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
from streams.cli.reading import parse_instant

app = command_app(
    help="Turn recorded interactions into events.",
    epilog="Example:  storyline load higgs DIR --limit 50000 --publish",
)


@app.callback()
def load() -> None:
    """Keep `higgs` a verb: a command of one verb would lose its name."""


@app.command(
    epilog="""\b
Examples:
  storyline load higgs ../shared/data/higgs --out higgs.jsonl
  storyline load higgs ../shared/data/higgs --limit 50000 --publish
  storyline load higgs ../shared/data/higgs --publish --speed 600
""",
)
def higgs(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Holds the files of the set.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many lines.")] = None,
    until: Annotated[
        int | None,
        typer.Option(parser=parse_instant, metavar="TIME", help="Only lines up to then."),
    ] = None,
    duplicates: Duplicates = 0.0,
    bad: Bad = 0,
    out: Out = None,
    publish: Publish = False,
    accounts: AccountsFile = None,
    no_accounts: NoAccounts = False,
    speed: Speed = None,
    summary: Summary = False,
) -> None:
    """Load SNAP's Higgs week: who retweeted, mentioned or answered whom, 1 to 7 July 2012.

    A follows B from just before A first acts on B; a retweet becomes a repost, a mention a post,
    a reply a comment. Ids come from line numbers, so loading twice gives the same events. With
    --publish, who is first met gets an account in PostgreSQL.
    """
    from streams.cli.emitting import emit
    from streams.generate.accounts import accounts_of_recorded
    from streams.generate.duplicates import with_duplicates
    from streams.generate.higgs import events_of
    from streams.generate.interactions import read_interactions

    to = Destination(out, publish, speed, bad, accounts, no_accounts)
    interactions = read_interactions(directory, limit=limit, until_ms=until)
    stream = with_duplicates(events_of(interactions), duplicates, seed=1)
    expected = round(len(interactions) * 1.9 * (1 + duplicates))
    members = accounts_of_recorded() if to.takes_accounts else None
    emit(stream, to, expected=expected, as_json=summary, accounts=members)
