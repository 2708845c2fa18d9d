"""Texts that a path must not contain, because a program of the stack would use another path.

Everything else is quoted for each program: spaces, quotes, `#`, `$`, letters of any script.
"""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streams.errors import UserError

_URLS: Final = "Delta's readers and writers take paths as URLs"

HOME: Final[Mapping[str, str]] = {
    "%": "supervisord and Delta's readers replace what follows it",
    ",": "Kafka and Spark take it for the end of a folder in a list",
    ";": "the registry's database takes it for the end of the path",
    " #": "supervisord takes it for a comment",
    "\\": "the servers' loggers take it for a slash",
    "${": "the servers' loggers replace what follows it",
}
"""Text -> reason why the path of a home must not contain it."""

LAKE: Final[Mapping[str, str]] = {
    "%": "Delta's readers decode what follows it",
    "\\": "Delta's readers take it for a slash",
    **dict.fromkeys("[]^|", _URLS),
}
"""Text -> reason why the path of a lake must not contain it."""


def require(path: Path, refused: Mapping[str, str], setting: str) -> None:
    """Raise `UserError` if `path` has a refused text, a control character, or is not UTF-8.

    Args:
        path: an absolute path.
        refused: text -> reason, `HOME` or `LAKE`.
        setting: the environment variable that names another path.
    """
    text = str(path)
    found = {character: reason for character, reason in refused.items() if character in text}
    found |= {character: reason for character in text if (reason := _never(character))}
    for character, reason in found.items():
        raise UserError(
            f"the path {text!r} has {character!r}: {reason}",
            hint=f"name a path without it with {setting}",
        )


def _never(character: str) -> str | None:
    match unicodedata.category(character):
        case "Cc":
            return "no configuration file can hold a control character"
        case "Cs":
            return "it is a byte that is no text in UTF-8"
    return None
