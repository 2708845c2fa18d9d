"""Messages of errors for people: one line, and a second line with a hint if there is one."""

from typing import TYPE_CHECKING

from streams.errors import UserError

if TYPE_CHECKING:
    from pydantic import ValidationError

STATUS = "`storyline status` shows the servers, `storyline up` starts them"


def explained(error: Exception) -> UserError:
    """Return the error as people read it; an unforeseen error is named by its type."""
    # Imported here: only a failing command needs them.
    from confluent_kafka import KafkaException
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from streams.errors import StoreRefusedError, StoreUnavailableError

    match error:
        case UserError():
            return error
        case ValidationError() if error.title == "Settings":
            return _wrong_setting(error)
        case SettingsError():
            return UserError(_line(error), hint="it is read from STORYLINE_…", exit_code=2)
        case OSError():
            return UserError(_of_the_system(error))
        case StoreUnavailableError():
            return UserError(f"a store does not answer: {_line(error)}", hint=STATUS)
        case StoreRefusedError():
            return UserError(f"a store refuses the request: {_line(error)}")
        case KafkaException():
            return UserError(f"Kafka: {error.args[0].str()}", hint=STATUS)
        case _:
            return UserError(
                f"unexpected {type(error).__name__}: {_line(error)}",
                hint="this should not happen; with --debug it shows where it did",
            )


def _wrong_setting(error: "ValidationError") -> UserError:
    first = error.errors()[0]
    name = "__".join(str(part) for part in first["loc"]).upper()
    return UserError(f"setting STORYLINE_{name} is {first['input']!r}: {first['msg']}", exit_code=2)


def _of_the_system(error: OSError) -> str:
    if error.strerror is None:
        return _line(error)
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{error.strerror}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
