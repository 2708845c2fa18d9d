"""`storyline author`: an author's posts."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag
from streams.cli.post_page import print_posts
from streams.cli.reading import As, Before, Id, Limit, WaitFor, read_side

app = command_app()


@app.command(epilog="Examples:  storyline author 7  |  storyline author 7 --as 42 --json")
def author(
    user: Id,
    viewer: As = None,
    limit: Limit = 20,
    before: Before = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show an author's posts, newest first."""
    from streams.serving import author_feed

    with read_side(wait_for) as side:
        page = author_feed(side.views, user, viewer=viewer, before=before, limit=limit)
        print_posts(page, as_json=as_json, title=f"posts of {user}")
