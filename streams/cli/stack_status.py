"""`storyline status`."""
import typer

app = typer.Typer()


@app.command()
def status() -> None:
    """Show the local servers."""
    from streams.app.settings import settings
    from streams.app.stack import local_stack
    from streams.cli.output import print_table

    print_table(("name", "state", "pid", "MiB"), [(r.name, r.state, r.pid, (r.memory_bytes or 0)>>20) for r in local_stack(settings()).status()])
