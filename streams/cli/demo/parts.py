"""Shared parts of the demonstration's sections: titles, commands run as a person would, bars."""

import shlex

from streams.cli.common.output import out


def section(title: str) -> None:
    out.print()
    out.rule(title, align="left")


def run(*args: str) -> None:
    """Run a command of `storyline` as a person would, and print its command line."""
    from streams.cli.main import app as storyline

    show_command(*args)
    storyline(list(args), standalone_mode=False)


def show_command(*args: str) -> None:
    """Print the command line of a command."""
    line = f"\n$ storyline {shlex.join(args)}"
    out.print(line, style="bold", markup=False, highlight=False, soft_wrap=True)
