"""The factory of every command's Typer app."""

import typer

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


def command_app(*, help: str | None = None, epilog: str | None = None) -> typer.Typer:
    """Return the `app` of a command module.

    The app raises errors unchanged: `streams.cli.main` reports them.

    Args:
        help: Help text of a module whose commands are verbs; such an app shows its help if it is
            called without a verb.
        epilog: Text after the help of such a module.
    """
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        no_args_is_help=help is not None,
        help=help,
        epilog=epilog,
        context_settings=HELP_OPTIONS,
    )
