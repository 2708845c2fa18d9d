"""`storyline tray`: a reader's story tray."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, out, print_json, print_table
from streams.cli.reading import Id, Now, WaitFor, instant, read_side, when

app = command_app()


@app.command(
    epilog="Examples:  storyline tray 42  |  storyline tray 42 --now 2026-01-31T12:00:00Z",
)
def tray(user: Id, now: Now = None, wait_for: WaitFor = None, as_json: JsonFlag = False) -> None:
    """Show whose stories a reader can see: authors with unseen stories first."""
    from streams.serving import tray as read_tray
    from streams.serving.answers import to_json

    with read_side(wait_for) as side:
        answer = read_tray(side.views, user, instant(now))
    if as_json:
        print_json(to_json(answer))
        return
    print_table(
        ("author", "stories", "unseen", "newest story"),
        ((e.author_id, e.stories, e.unseen, e.newest_story_id) for e in answer.entries),
        title=f"story tray of {user} at {when(answer.now)} UTC",
    )
    out.print(f"own stories: {answer.own.stories if answer.own else 0}", highlight=False)
