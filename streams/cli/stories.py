"""`storyline stories`: an author's visible stories."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag
from streams.cli.reading import As, Id, Now, WaitFor, instant, read_side
from streams.cli.story_table import print_stories

app = command_app()


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
        answer = author_stories(side.views, user, instant(now), viewer=viewer)
    print_stories(answer, as_json=as_json, title=f"stories of {user}")
