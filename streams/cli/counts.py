"""`storyline counts`: a content's counts."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, print_json, print_table
from streams.cli.reading import Id, WaitFor, read_side

app = command_app()


@app.command(epilog="Examples:  storyline counts 123456  |  storyline counts 123456 --json")
def counts(content: Id, wait_for: WaitFor = None, as_json: JsonFlag = False) -> None:
    """Show the likes, views, comments and reposts of a post, story or comment."""
    from streams.serving import counts as read_counts
    from streams.serving.answers import to_json

    with read_side(wait_for) as side:
        answer = read_counts(side.views, content)
    if as_json:
        print_json(to_json(answer))
        return
    seen = f"about {answer.views}" if answer.views_estimated else answer.views
    print_table(
        ("likes", "views", "comments", "reposts"),
        [(answer.likes, seen, answer.comments, answer.reposts)],
        title=f"counts of {answer.kind} {content}",
    )
