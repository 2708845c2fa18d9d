"""`storyline hashtag`: the posts under a hashtag."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag
from streams.cli.post_page import print_posts
from streams.cli.reading import As, Before, Limit, Tag, WaitFor, read_side

app = command_app()


@app.command(epilog="Examples:  storyline hashtag coffee  |  storyline hashtag '#Café' --as 42")
def hashtag(
    tag: Tag,
    viewer: As = None,
    limit: Limit = 20,
    before: Before = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the posts that bear a hashtag, newest first. Case and a leading # do not matter."""
    from streams.serving import hashtag_feed

    with read_side(wait_for) as side:
        page = hashtag_feed(side.views, tag, viewer=viewer, before=before, limit=limit)
        print_posts(page, as_json=as_json, title=f"posts under {tag}")
