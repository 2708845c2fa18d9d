"""`storyline feed`: a reader's home feed."""

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag
from streams.cli.read.options import Before, Id, Limit, WaitFor, read_side
from streams.cli.read.output import print_posts

app = command_app()


@app.command(
    epilog="Examples:  storyline feed 42  |  storyline feed 42 --limit 50 --json  |  "
    "storyline feed 42 --wait-for social.posts.v1:3:1207",
)
def feed(
    user: Id,
    limit: Limit = 20,
    before: Before = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a reader's home feed, newest first: posts of the people followed, and one's own."""
    from streams.serving import home_feed

    with read_side(wait_for) as side:
        page = home_feed(side.views, user, before=before, limit=limit, caches=side.caches)
        print_posts(page, as_json=as_json, title=f"home feed of {user}")
