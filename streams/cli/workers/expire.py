"""`storyline expire`: a process that publishes the ends of stories."""

from streams.cli.common.command import command_app

app = command_app()


@app.command(epilog="Example:  storyline expire")
def expire() -> None:
    """Publish the end of stories (StoryExpired) until Ctrl-C or SIGTERM.

    Each story that was not deleted is published once, within seconds of its end, also if no
    process ran for days. No view depends on it: stories vanish by themselves. Run it for the
    version of the views that is read, and for no other.
    """
    from streams.app.logs import configure_logs
    from streams.app.settings import settings
    from streams.app.workers.expire import expire as run_publisher

    configure_logs()
    run_publisher(settings())
