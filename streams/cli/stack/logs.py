"""`storyline logs`: the log of a server or worker."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app

app = command_app()

EXAMPLES = """Examples:

\b
  storyline logs kafka
  storyline logs posts -f             a worker's log, as it grows
  storyline logs cassandra -n 500
  storyline logs supervisor           starts, ends and restarts
"""


@app.command(epilog=EXAMPLES)
def logs(
    name: Annotated[str, typer.Argument(help="A server, a worker, or `supervisor`.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as the log grows; end with Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Number of last lines.")] = 100,
) -> None:
    """Show the end of a log."""
    from streams.app.settings import settings
    from streams.app.stack import local_stack
    from streams.errors import UserError
    from streams.stack.supervision import logs as reading
    from streams.stack.supervision.start import tail

    stack = local_stack(settings())
    path = reading.log_of(stack, name)
    if not path.exists() and not follow:
        raise UserError(f"{name} has no log yet", hint=f"it will be {path}")
    # Opened before the tail is read, so that no line falls between the two.
    grown = reading.follow(lambda: reading.log_of(stack, name))
    for line in tail(path, lines):
        typer.echo(line)
    if follow:
        for text in grown:
            typer.echo(text, nl=False)
