"""`storyline viewers`: who viewed a story, to its owner."""

from typing import Annotated

import typer

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, err, print_json, print_table
from streams.cli.reading import After, Id, Limit, WaitFor, parse_id, read_side, when

app = command_app()


@app.command(epilog="Examples:  storyline viewers 123456 --as 7  |  … --limit 100 --json")
def viewers(
    story: Id,
    owner: Annotated[
        int, typer.Option("--as", parser=parse_id, metavar="OWNER", help="Who asks: the creator.")
    ],
    limit: Limit = 20,
    after: After = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who viewed a story, latest first. Only its creator may ask."""
    from streams.serving import story_viewers
    from streams.serving.answers import to_json

    with read_side(wait_for) as side:
        page = story_viewers(side.views, story, as_user=owner, after=after, limit=limit)
    if as_json:
        print_json(to_json(page))
        return
    print_table(
        ("viewer", "first viewed (UTC)", "liked"),
        ((v.user_id, when(v.first_viewed_at), "♥" if v.liked else "") for v in page.viewers),
        title=f"viewers of {story}",
    )
    if page.next_after is not None:
        err.print(f"more with --after {page.next_after}", style="dim", highlight=False)
