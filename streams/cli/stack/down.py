"""`storyline down`: stop the local servers."""

from streams.cli.common.command import command_app

app = command_app()


@app.command(epilog="Example:\n\n\b\n  storyline down\n")
def down() -> None:
    """Stop the workers and servers; data is kept.

    Finds and stops also what a crashed supervisor left behind.
    """
    from streams.app.settings import settings
    from streams.app.stack import local_stack
    from streams.cli.stack.progress import Display

    with Display() as display:
        if not local_stack(settings()).down(display):
            display.note("nothing runs")
