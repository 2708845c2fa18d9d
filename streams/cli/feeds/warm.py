"""`storyline warm`: timelines built before they are read."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, out, print_json
from streams.cli.read.options import parse_id, read_side

app = command_app()


@app.command(
    epilog="Examples:  storyline warm --author 42  |  storyline warm --author 42 --top 10000 --json"
)
def warm(
    author: Annotated[
        int, typer.Option(parser=parse_id, metavar="ID", help="The author of the followers.")
    ],
    top: Annotated[
        int,
        typer.Option(
            min=1, max=1_000_000, help="Number of followers: those who read their feeds last."
        ),
    ] = 1000,
    as_json: JsonFlag = False,
) -> None:
    """Make the timelines of an author's most active followers, as after a celebrity's post.

    Only cold timelines are made, only of those who have read their feeds in the last 30 days, and
    it may be repeated. Exit code 1 if some could not be made.
    """
    from streams.app.feeds.warm import warm_followers
    from streams.cli.common.progress_bar import stage_bar
    from streams.serving.responses import to_json

    with read_side() as side, stage_bar() as bar:
        warmed = warm_followers(side, author, top, bar)
    if as_json:
        print_json(to_json(warmed))
    else:
        out.print(
            f"{warmed.followers:,} followers, {warmed.active:,} of them active; "
            f"{warmed.chosen:,} chosen: {warmed.built:,} timelines built, "
            f"{warmed.already_warm:,} already warm, {warmed.not_built:,} not built",
            highlight=False,
        )
    if warmed.not_built:
        raise typer.Exit(1)
