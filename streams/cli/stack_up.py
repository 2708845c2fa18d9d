"""`storyline up`."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Examples:\n\n\b\n  storyline up\n  storyline up --only kafka --only redis\n")
def up(
    only: Annotated[
        list[str] | None, typer.Option(help="Only this server and what it needs; repeatable.")
    ] = None,
) -> None:
    """Start the local servers and wait until they answer."""
    from streams.app.settings import settings
    from streams.app.stack import local_stack

    local_stack(settings()).up(only or ())
