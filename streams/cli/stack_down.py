"""`storyline down`."""
import typer

app = typer.Typer()


@app.command()
def down() -> None:
    """Stop the local servers."""
    from streams.app.settings import settings
    from streams.app.stack import local_stack

    local_stack(settings()).down()
