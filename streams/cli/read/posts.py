"""`storyline author`, `hashtag` and `trending`: posts and their hashtags."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, print_json, print_table
from streams.cli.read.options import As, Before, Id, Limit, Now, Tag, WaitFor, instant, read_side
from streams.cli.read.output import print_posts
from streams.contracts.times import DAY_MS
from streams.errors import UserError

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


@app.command(epilog="Examples:  storyline hashtag coffee  |  storyline hashtag '#Café' --as 42")
def hashtag(
    tag: Tag,
    viewer: As = None,
    limit: Limit = 20,
    before: Before = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the posts under a hashtag, newest first. Case and a leading # do not matter."""
    from streams.serving import hashtag_feed

    with read_side(wait_for) as side:
        page = hashtag_feed(side.views, tag, viewer=viewer, before=before, limit=limit)
        print_posts(page, as_json=as_json, title=f"posts under {tag}")


@app.command(epilog="Examples:  storyline trending  |  storyline trending --limit 50 --json")
def trending(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Number of tags.")] = 10,
    now: Now = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the hashtags that most people use now.

    Each author of the last 24 hours counts once for a tag, by the newest post with it, and
    half as much for every 4 hours since. --now may be up to 24 hours back.
    """
    from streams.serving import trending as read_trending
    from streams.serving.responses import to_json

    at = instant(now)
    if at < instant(None) - DAY_MS:
        raise UserError(
            "what was used so long ago is not kept", hint="--now may be up to 24 hours back"
        )
    with read_side(wait_for) as side:
        tags = read_trending(side.views, at, limit=limit)
    if as_json:
        print_json(to_json(tags))
        return
    print_table(
        ("tag", "authors", "score"),
        ((f"#{tag.tag}", tag.authors, f"{tag.score:.2f}") for tag in tags),
        title="trending",
    )
