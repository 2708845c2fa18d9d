"""`storyline verify`: comparison of the home feeds that are served with a fold of the log."""

import logging
import secrets
from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, print_json
from streams.cli.read.options import parse_id

app = command_app()

_SEEDS = 1 << 32


def parse_ids(text: str) -> list[int]:
    """Return ids given between commas; raise a usage error for other text."""
    return [parse_id(part.strip()) for part in text.split(",")]


@app.command(
    epilog="Examples:  storyline verify  |  storyline verify --sample 1000 --seed 7  |  "
    "storyline verify --readers 42,43 --json",
)
def verify(
    sample: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of readers to draw.")
    ] = 100,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Draws the same readers again. Default: random.")
    ] = None,
    readers: Annotated[
        str | None,
        typer.Option(metavar="ID,…", help="These readers instead of a sample."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for workers that lag.")
    ] = 60,
    as_json: JsonFlag = False,
) -> None:
    """Prove that home feeds are what the log says, page by page, with timelines and without.

    Reads the posts, follows and blocks from the beginning, folds those of the readers, and waits
    until the workers have applied as much. Exit code 1 unless every reader's feed is equal.
    """
    from streams.app.feeds.verify import verify as compare
    from streams.app.logs import configure_logs
    from streams.app.settings import settings
    from streams.cli.common.progress_bar import stage_bar
    from streams.cli.feeds.verify_output import print_verdict, verdict_json

    named = [] if readers is None else parse_ids(readers)
    configure_logs(logging.WARNING)
    drawn = secrets.randbelow(_SEEDS) if seed is None else seed
    with stage_bar() as bar:
        verdict = compare(
            settings(),
            named,
            sample=sample,
            seed=drawn,
            timeout_s=timeout,
            reporter=bar,
        )
    used = None if named else drawn
    if as_json:
        print_json(verdict_json(verdict, used))
    else:
        print_verdict(verdict, used)
    if not verdict.is_proved:
        raise typer.Exit(1)
