"""The `storyline` command, which imports a module when one of its commands is called."""

import importlib
import os
import signal
import sys
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

from streams.cli.common.command import HELP_OPTIONS

_DEBUG = "--debug"
_INTERRUPTED = 130
_TERMINATED = 128 + signal.SIGTERM

# command -> (module in streams.cli, one line of help). A module offers `app`, a typer.Typer with
# one command, with several of this table, or with the verbs of one.
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("stack.up", "Start the local servers and wait until they answer."),
    "down": ("stack.down", "Stop the local servers."),
    "status": ("stack.status", "Show the local servers."),
    "logs": ("stack.logs", "Show a server's or worker's log."),
    "reset": ("stack.reset", "Delete the data of the local stack."),
    "doctor": ("stack.doctor", "Check what the local stack needs."),
    "topics": ("events.topics", "Create topics, or compare them with their descriptions."),
    "schemas": ("events.schemas", "Register schemas, or check them against released versions."),
    "publish": ("events.publish", "Publish events from JSON lines."),
    "tail": ("events.tail", "Print a topic's decoded events."),
    "generate": ("events.generate", "Generate a synthetic network's events."),
    "load": ("events.load", "Turn other networks' data into events."),
    "migrate": ("stack.migrate", "Bring Cassandra and the accounts database up to date."),
    "accounts": ("accounts.accounts", "Change accounts."),
    "cdc": ("accounts.cdc", "Capture changes of accounts."),
    "run": ("workers.run", "Run workers."),
    "expire": ("workers.expire", "Publish the end of stories (StoryExpired)."),
    "dlq": ("dlq.commands", "List, show, replay and discard dead letters."),
    "lag": ("workers.lag", "Show what workers have still to read."),
    "cache": ("feeds.cache", "Show what the caches hold."),
    "plan": ("feeds.plan", "Estimate how much memory the caches of a network take."),
    "feed": ("feeds.feed", "Show a reader's home feed."),
    "explain": ("feeds.explain", "Explain why a post is in a home feed, or is not."),
    "warm": ("feeds.warm", "Make timelines of an author's followers ahead."),
    "verify": ("feeds.verify", "Compare home feeds with a fold of the log."),
    "author": ("read.posts", "Show an author's posts."),
    "hashtag": ("read.posts", "Show the posts under a hashtag."),
    "trending": ("read.posts", "Show the hashtags that most people use now."),
    "thread": ("read.engagement", "Show the comments on a post, story or comment."),
    "tray": ("read.stories", "Show a reader's story tray."),
    "stories": ("read.stories", "Show an author's visible stories."),
    "highlights": ("read.stories", "Show an author's highlights."),
    "archive": ("read.stories", "Show a user's stories that have ended, to the user."),
    "viewers": ("read.stories", "Show who viewed a story, to its owner."),
    "counts": ("read.engagement", "Show a content's counts."),
    "commenters": ("read.engagement", "Show who comments on a content."),
    "likers": ("read.engagement", "Show who likes a content."),
    "likes": ("read.engagement", "Show what a user likes."),
    "graph": ("read.graph", "Show a user's follows and followers."),
    "tier": ("read.graph", "Show how an author's posts reach readers."),
    "lake": ("lake.lake", "Fill the historical tables, and show what they hold."),
    "ask": ("lake.ask", "Ask the lake, by a question's name or by SQL."),
    "demo": ("demo.demo", "Show the whole line on a small generated week."),
}


HEADINGS: dict[str, tuple[str, ...]] = {
    "The whole line": ("demo",),
    "Servers": ("stack",),
    "Events and accounts": ("events", "accounts"),
    "Workers and dead letters": ("workers", "dlq"),
    "Home feeds and caches": ("feeds",),
    "Other views": ("read",),
    "The lake": ("lake",),
}
"""Heading in `storyline --help` -> folders of its commands."""


def command_of(name: str) -> Any:
    """Import the command's module, and return its click command: a group if it has verbs."""
    module_name, _ = COMMANDS[name]
    module = importlib.import_module(f"streams.cli.{module_name}")
    whole = typer.main.get_command(module.app)
    command = getattr(whole, "commands", {}).get(name, whole)  # a module may have several commands
    command.name = name
    return command


class _LazyGroup(TyperGroup):
    """Group that imports a command's module when the command is called, so that `--help` is quick.

    Typer has its own copy of click, whose types it does not export: hence `Any`.
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return command_of(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        for heading, folders in HEADINGS.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [
                        (name, line)
                        for name, (module, line) in COMMANDS.items()
                        if module.partition(".")[0] in folders
                    ]
                )


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP_OPTIONS,
)


@app.callback()
def root(
    debug: bool = typer.Option(False, _DEBUG, help="Show stack traces of errors."),
) -> None:
    """Storyline: publish events, run the workers, read the views.

    Start with `storyline demo`, or `storyline up`. Each command has its own --help.
    """
    if debug:
        os.environ["STORYLINE_DEBUG"] = "1"


def main() -> None:
    """Run the command line; an error becomes one clear line and an exit code that is not 0.

    With `--debug`, at any position, errors are raised unchanged. SIGTERM ends a command as Ctrl-C
    does, so that it releases what it holds.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != _DEBUG]
    if len(arguments) < len(sys.argv) - 1:
        arguments.insert(0, _DEBUG)
    before = signal.signal(signal.SIGTERM, _end)
    try:
        app(arguments, prog_name="storyline")
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            _complain("interrupted", None)
        raise
    except Exception as error:
        if arguments[:1] == [_DEBUG] or os.environ.get("STORYLINE_DEBUG"):
            raise
        from streams.cli.common.errors import explained

        explanation = explained(error)
        _complain(explanation.message, explanation.hint)
        sys.exit(explanation.exit_code)
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler
    _complain("ended by SIGTERM", None)
    sys.exit(_TERMINATED)


def _complain(message: str, hint: str | None) -> None:
    sys.stderr.write(f"storyline: {message}\n")
    if hint:
        sys.stderr.write(f"  {hint}\n")


if __name__ == "__main__":
    main()
