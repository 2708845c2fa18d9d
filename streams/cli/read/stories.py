"""`storyline tray`, `stories`, `highlights`, `archive` and `viewers`: stories."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, err, out, print_json, print_table
from streams.cli.read.options import (
    After,
    As,
    Before,
    Id,
    Limit,
    Now,
    WaitFor,
    instant,
    parse_id,
    read_side,
    when,
)
from streams.cli.read.output import print_stories

app = command_app()


@app.command(
    epilog="Examples:  storyline tray 42  |  storyline tray 42 --now 2026-01-31T12:00:00Z",
)
def tray(user: Id, now: Now = None, wait_for: WaitFor = None, as_json: JsonFlag = False) -> None:
    """Show whose stories a reader can see: authors with unseen stories first."""
    from streams.serving import tray as read_tray
    from streams.serving.responses import to_json

    with read_side(wait_for) as side:
        answer = read_tray(side.views.rows, user, instant(now))
    if as_json:
        print_json(to_json(answer))
        return
    print_table(
        ("author", "stories", "unseen", "newest story"),
        ((e.author_id, e.stories, e.unseen, e.newest_story_id) for e in answer.entries),
        title=f"story tray of {user} at {when(answer.now)} UTC",
    )
    out.print(f"own stories: {answer.own.stories if answer.own else 0}", highlight=False)


@app.command(
    epilog="Examples:  storyline stories 7  |  storyline stories 7 --now 2026-01-31T12:00:00Z"
)
def stories(
    user: Id,
    viewer: As = None,
    now: Now = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show an author's stories that are visible at an instant, oldest first."""
    from streams.serving import author_stories

    with read_side(wait_for) as side:
        answer = author_stories(side.views.rows, user, instant(now), viewer=viewer)
    print_stories(answer, as_json=as_json, title=f"stories of {user}")


@app.command(epilog="Examples:  storyline highlights 7  |  storyline highlights 7 --as 42 --json")
def highlights(
    user: Id, viewer: As = None, wait_for: WaitFor = None, as_json: JsonFlag = False
) -> None:
    """Show an author's highlights, oldest first; they never expire."""
    from streams.serving import highlights as read_highlights

    with read_side(wait_for) as side:
        answer = read_highlights(side.views, user, viewer=viewer)
    print_stories(answer, as_json=as_json, title=f"highlights of {user}")


@app.command(epilog="Examples:  storyline archive 7  |  storyline archive 7 --limit 5 --json")
def archive(
    user: Id,
    limit: Limit = 20,
    before: Before = None,
    now: Now = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a user's own stories that have ended, newest first; it is for the user to see."""
    from streams.serving import archive as read_archive
    from streams.serving.responses import to_json

    with read_side(wait_for) as side:
        page = read_archive(side.views, user, instant(now), before=before, limit=limit)
    if as_json:
        print_json(to_json(page))
        return
    print_stories(page.stories, as_json=False, title=f"archive of {user}")
    if page.next_before is not None:
        err.print(f"more with --before {page.next_before}", style="dim", highlight=False)


@app.command(epilog="Examples:  storyline viewers 123456 --as 7  |  … --limit 100 --json")
def viewers(
    story: Id,
    owner: Annotated[
        int,
        typer.Option(
            "--as", parser=parse_id, metavar="OWNER", help="The creator of the story, who asks."
        ),
    ],
    limit: Limit = 20,
    after: After = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who viewed a story, latest first. Only its creator may ask."""
    from streams.serving import story_viewers
    from streams.serving.responses import to_json

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
