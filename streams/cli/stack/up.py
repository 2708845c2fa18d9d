"""`storyline up`: start the local servers."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app

app = command_app()

EXAMPLES = """Examples:

\b
  storyline up                        every server
  storyline up --only kafka --only redis
  storyline up --workers              and keep the workers running
"""


@app.command(epilog=EXAMPLES)
def up(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="SERVER", help="Only this server and what it needs; repeatable."),
    ] = None,
    workers: Annotated[
        bool, typer.Option("--workers", help="Then start the workers and keep them running.")
    ] = False,
) -> None:
    """Start the local servers and return when they answer.

    Fetches what is missing first. Servers that run already are left alone.
    """
    from streams.app.settings import settings
    from streams.app.stack import local_stack
    from streams.cli.stack.progress import Display

    stack = local_stack(settings())
    with Display() as display:
        stack.up(only or (), display)
        if workers:
            stack.start_workers((), display)
