"""`storyline archive`: a user's stories that have ended."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, err, print_json
from streams.cli.reading import Before, Id, Limit, Now, WaitFor, instant, read_side
from streams.cli.story_table import print_stories

app = command_app()


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
    from streams.serving.answers import to_json

    with read_side(wait_for) as side:
        page = read_archive(side.views, user, instant(now), before=before, limit=limit)
    if as_json:
        print_json(to_json(page))
        return
    print_stories(page.stories, as_json=False, title=f"archive of {user}")
    if page.next_before is not None:
        err.print(f"more with --before {page.next_before}", style="dim", highlight=False)
