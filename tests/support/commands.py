"""The `storyline` command on the servers of a test."""

import os
import subprocess

from streams.app.settings import Settings
from streams.app.stack import environment
from streams.cli import main as cli
from tests.support import forked


def storyline(
    settings: Settings, *arguments: str, text: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own, with `text` as standard input."""
    return forked.run(cli.main, arguments, os.environ | environment(settings), text)
