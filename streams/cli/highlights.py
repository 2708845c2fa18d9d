"""`storyline highlights`: an author's highlights."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag
from streams.cli.reading import As, Id, WaitFor, read_side
from streams.cli.story_table import print_stories

app = command_app()


@app.command(epilog="Examples:  storyline highlights 7  |  storyline highlights 7 --as 42 --json")
def highlights(
    user: Id, viewer: As = None, wait_for: WaitFor = None, as_json: JsonFlag = False
) -> None:
    """Show an author's highlights, oldest first; they never expire."""
    from streams.serving import highlights as read_highlights

    with read_side(wait_for) as side:
        answer = read_highlights(side.views, user, viewer=viewer)
    print_stories(answer, as_json=as_json, title=f"highlights of {user}")
