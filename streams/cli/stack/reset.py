"""`storyline reset`: delete the local stack's data."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app

app = command_app()

EXAMPLES = """Examples:

\b
  storyline reset
  storyline reset --yes && storyline up
"""


@app.command(epilog=EXAMPLES)
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop everything and delete all data and logs of the local stack.

    Downloaded files are kept.
    """
    from streams.app.settings import settings
    from streams.app.stack import local_stack
    from streams.cli.stack.progress import Display

    stack = local_stack(settings())
    if not yes:
        typer.confirm(f"Delete all data in {stack.config.home}?", abort=True)
    with Display() as display:
        stack.reset(display)
