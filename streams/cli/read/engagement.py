"""`storyline thread`, `counts`, `commenters`, `likers` and `likes`: comments and likes."""

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, err, print_json, print_table
from streams.cli.read.options import After, As, Before, Id, Limit, WaitFor, read_side, when
from streams.cli.read.output import print_users

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
    from streams.serving.responses import to_json

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


@app.command(epilog="Examples:  storyline counts 123456  |  storyline counts 123456 --json")
def counts(content: Id, wait_for: WaitFor = None, as_json: JsonFlag = False) -> None:
    """Show the likes, views, comments and reposts of a post, story or comment."""
    from streams.serving import counts as read_counts
    from streams.serving.responses import to_json

    with read_side(wait_for) as side:
        answer = read_counts(side.views.rows, content)
    if as_json:
        print_json(to_json(answer))
        return
    seen = f"about {answer.views}" if answer.views_estimated else answer.views
    print_table(
        ("likes", "views", "comments", "reposts"),
        [(answer.likes, seen, answer.comments, answer.reposts)],
        title=f"counts of {answer.kind} {content}",
    )


@app.command(
    epilog="Examples:  storyline commenters 123  |  storyline commenters 123 --as 42 --json"
)
def commenters(
    content: Id,
    viewer: As = None,
    limit: Limit = 20,
    after: After = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who comments on a post, story or comment, by id."""
    from streams.serving import commenters as read_commenters

    with read_side(wait_for) as side:
        page = read_commenters(side.views, content, viewer=viewer, after=after, limit=limit)
    print_users(page, as_json=as_json, title=f"who comments on {content}")


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
    from streams.serving.responses import to_json

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
