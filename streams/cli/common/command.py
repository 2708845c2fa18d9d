"""How every command is declared."""

import typer

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


def command_app(*, help: str | None = None, epilog: str | None = None) -> typer.Typer:
    """The `app` of a command module; `help` and `epilog` are for one whose commands are verbs.

    Errors leave it as they were raised: `streams.cli.main` tells them.
    """
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        no_args_is_help=help is not None,
        help=help,
        epilog=epilog,
        context_settings=HELP_OPTIONS,
    )
