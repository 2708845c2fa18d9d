"""Errors that users read, and errors of stores."""

from typing import Final

NEEDS_A_PERSON: Final = 65
"""Exit code of a worker that must not be restarted before an operator has looked: its input is
at fault (EX_DATAERR), and each start would go a little further into it."""


class UserError(Exception):
    """Error that the user at the keyboard can fix.

    The command line prints `message` (what is wrong) and `hint` (what to do) on one line each and
    exits with `exit_code`; a stack trace appears only under `--debug`.
    """

    def __init__(self, message: str, *, hint: str | None = None, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


class StoreUnavailableError(Exception):
    """Failure of a store that cannot answer now: wait and try again, and acknowledge nothing."""


class StoreRefusedError(Exception):
    """Refusal by a store of what one record asks of it: trying again changes nothing.

    A refusal that concerns every record, such as a missing table or a wrong password, is a
    StoreUnavailableError: it ends when the deployment is corrected.
    """
