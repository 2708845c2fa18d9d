"""`storyline likers`: who likes a post, story or comment."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag
from streams.cli.reading import After, As, Id, Limit, WaitFor, read_side
from streams.cli.user_page import print_users

app = command_app()


@app.command(epilog="Examples:  storyline likers 123  |  storyline likers 123 --as 42 --json")
def likers(
    content: Id,
    viewer: As = None,
    limit: Limit = 20,
    after: After = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who likes a post, story or comment, by id."""
    from streams.serving import likers as read_likers

    with read_side(wait_for) as side:
        page = read_likers(side.views, content, viewer=viewer, after=after, limit=limit)
    print_users(page, as_json=as_json, title=f"who likes {content}")
