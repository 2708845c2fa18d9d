"""`storyline likes`: what a user likes."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, err, print_json, print_table
from streams.cli.reading import As, Before, Id, Limit, WaitFor, read_side

app = command_app()


@app.command(epilog="Examples:  storyline likes 42  |  storyline likes 42 --as 7 --json")
def likes(
    user: Id,
    viewer: As = None,
    limit: Limit = 20,
    before: Before = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the posts, stories and comments that a user likes, newest first."""
    from streams.serving import likes as read_likes
    from streams.serving.answers import to_json

    with read_side(wait_for) as side:
        page = read_likes(side.views, user, viewer=viewer, before=before, limit=limit)
    if as_json:
        print_json(to_json(page))
        return
    print_table(
        ("content", "kind", "by"),
        ((liked.content_id, liked.kind, liked.owner_id) for liked in page.liked),
        title=f"what {user} likes",
    )
    if page.next_before is not None:
        err.print(f"more with --before {page.next_before}", style="dim", highlight=False)
