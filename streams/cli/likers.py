"""`storyline likers`: who likes a post, story or comment."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, err, print_json, print_table
from streams.cli.reading import After, As, Id, Limit, read_side

app = command_app()


@app.command(epilog="Examples:  storyline likers 123456  |  storyline likers 123456 --as 42 --json")
def likers(
    content: Id,
    viewer: As = None,
    limit: Limit = 20,
    after: After = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who likes a post, story or comment, by id."""
    from streams.serving import likers as read_likers
    from streams.serving.answers import to_json

    with read_side() as side:
        page = read_likers(side.views, content, viewer=viewer, after=after, limit=limit)
    if as_json:
        print_json(to_json(page))
        return
    print_table(("user",), ((user,) for user in page.users), title=f"who likes {content}")
    if page.next_after is not None:
        err.print(f"more with --after {page.next_after}", style="dim", highlight=False)
