"""`storyline explain`: why a post is in a reader's home feed, or is not."""

import logging
from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, print_json
from streams.cli.read.options import Id, parse_id

app = command_app()

Post = Annotated[
    int, typer.Argument(parser=parse_id, metavar="POST", help="A post's id, as feeds show it.")
]


@app.command(
    epilog="Examples:  storyline explain 42 2099424001982267392  |  "
    "storyline explain 42 2099424001982267392 --json",
)
def explain(user: Id, post: Post, as_json: JsonFlag = False) -> None:
    """Explain whether a post is in a user's home feed, by which path, or which rule hides it.

    And the events of the log that led to it: the post's, and those between the reader and the
    authors concerned, each with its topic, partition and offset. Changes nothing.
    """
    from streams.app.feeds.explain import explained
    from streams.app.logs import configure_logs
    from streams.app.settings import settings
    from streams.cli.common.progress_bar import stage_bar
    from streams.cli.feeds.explain_output import print_answer
    from streams.verification.explain import answer_json

    configure_logs(logging.WARNING)
    with stage_bar() as bar:
        answer = explained(settings(), user, post, bar)
    if as_json:
        print_json(answer_json(answer))
    else:
        print_answer(answer)
