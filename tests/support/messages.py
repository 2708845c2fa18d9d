"""Tests that produce the messages of docs/operations/troubleshooting.md.

A test that makes the product show a message of that page is marked with the text that the page
quotes:

    @produces("the broker at … has no topic …")
    def test_publishing_without_topics_fails(...): ...

The test fails if it is skipped, and unless the message came up while it ran: as a `UserError` that
the product made in this process, or in an output that the test passes to `shown`.
`tests/unit/docs/test_troubleshooting.py` requires such a test for every message of the page.
"""

import functools
import re
import sys
from typing import Any

import pytest

from streams.errors import UserError

HOLE = "…"
_PRODUCT = ("streams", "jobs")

produces = pytest.mark.produces

_seen: list[str] = []


def shown(output: str) -> str:
    """Record what a command or a worker has printed, and return it."""
    _seen.append(output)
    return output


def forget() -> None:
    """Forget the messages of earlier tests."""
    _seen.clear()


def regex(quoted: str) -> re.Pattern[str]:
    """Return the regular expression of a quoted text: a hole matches any text of its line."""
    return re.compile(".*".join(map(re.escape, quoted.strip(f"{HOLE} ").split(HOLE))))


def is_marked(test: pytest.Item) -> bool:
    """Return whether a test has to produce a message."""
    return any(test.iter_markers(produces.name))


def missing(test: pytest.Item) -> list[str]:
    """Return the quoted texts in a test's marks that did not come up since `forget`."""
    return [
        quoted
        for mark in test.iter_markers(produces.name)
        for quoted in mark.args
        if not any(map(regex(quoted).search, _seen))
    ]


def _record_errors() -> None:
    """Record the message of every `UserError` that the product makes, not those of the tests."""
    make = UserError.__init__

    @functools.wraps(make)
    def record(error: UserError, message: str, **more: Any) -> None:
        frame = sys._getframe(1)
        while frame.f_back and frame.f_locals.get("self") is error:  # a subclass's own __init__
            frame = frame.f_back
        if frame.f_globals["__name__"].partition(".")[0] in _PRODUCT:
            _seen.append(message)
        make(error, message, **more)

    UserError.__init__ = record  # type: ignore[method-assign, assignment]


_record_errors()
