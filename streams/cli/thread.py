"""`storyline thread`: the comments on a post, story or comment."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, err, print_json, print_table
from streams.cli.reading import After, As, Id, Limit, WaitFor, read_side, when

app = command_app()


@app.command(epilog="Examples:  storyline thread 123456  |  storyline thread 123456 --as 42 --json")
def thread(
    content: Id,
    viewer: As = None,
    limit: Limit = 20,
    after: After = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the comments on a post, story or comment, oldest first."""
    from streams.serving import thread as read_thread
    from streams.serving.answers import to_json

    with read_side(wait_for) as side:
        page = read_thread(side.views, content, viewer=viewer, after=after, limit=limit)
    if as_json:
        print_json(to_json(page))
        return
    print_table(
        ("comment", "by", "created (UTC)", "text"),
        ((c.comment_id, c.user_id, when(c.created_at), c.text) for c in page.comments),
        title=f"comments on {content}",
    )
    if page.next_after is not None:
        err.print(f"more with --after {page.next_after}", style="dim", highlight=False)
