"""Shared parts of the reading commands: their options and their access to the stores."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common.output import err
from streams.contracts.times import DAY_MS, HOUR_MS, MINUTE_MS, now_ms
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.serving.read_side import ReadSide

_UNITS_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_AGO = re.compile(r"now(?:-(\d{1,6})([mhd]))?")


def parse_id(text: str) -> int:
    """Return a positive 63-bit id given in decimal; raise a usage error for other text."""
    from streams.contracts.ids import MAX_ID
    from streams.contracts.ids import parse_id as parse

    try:
        found = parse(text)
    except ValueError:
        found = 0
    if not 0 < found <= MAX_ID:
        raise typer.BadParameter(f"{text!r} is not an id: a whole number from 1 to {MAX_ID}")
    return found


def parse_instant(text: str) -> int:
    """Return an instant in milliseconds since the Unix epoch; raise a usage error for other text.

    The text is RFC 3339, or milliseconds since the Unix epoch.
    """
    from streams.contracts.times import parse_time

    try:
        return _in_calendar(int(text)) if _WHOLE.fullmatch(text) else parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no instant ({error}): write it like 2026-01-31T12:00:00Z, or in "
            "milliseconds since 1970"
        ) from None


def parse_start(text: str) -> int:
    """Return `now`, `now-7d`, `now-36h`, `now-90m` or an instant in ms since the Unix epoch."""
    ago = _AGO.fullmatch(text)
    if ago is None:
        return parse_instant(text)
    back = int(ago[1]) * _UNITS_MS[ago[2]] if ago[1] else 0
    return parse_instant(str(now_ms() - back))


def _in_calendar(at_ms: int) -> int:
    from streams.contracts.times import FIRST_MS, LAST_MS

    if not FIRST_MS <= at_ms <= LAST_MS:
        raise ValueError("it is outside the years 1 to 9999")
    return at_ms


def parse_tag(text: str) -> str:
    """Return a hashtag that an event can carry; raise a usage error for other text."""
    from streams.contracts.tags import MAX_TAG_KEY, tag_key
    from streams.contracts.text import check_text

    try:
        check_text(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no hashtag: {error}") from None
    key = tag_key(text)
    if not key:
        raise typer.BadParameter(f"{text!r} is no hashtag: it is empty")
    if len(key) > MAX_TAG_KEY:
        raise typer.BadParameter(
            f"a hashtag has at most {MAX_TAG_KEY} characters; this one has {len(key)}"
        )
    return text


def checked_text(option: str, text: str) -> str:
    """Return an option's text; raise `UserError` if its bytes are not UTF-8."""
    from streams.contracts.text import check_text

    try:
        check_text(text)
    except ValueError:
        raise UserError(f"{option} {text!r} is not UTF-8 text", exit_code=2) from None
    return text


Id = Annotated[int, typer.Argument(parser=parse_id, metavar="ID", help="A positive 63-bit id.")]
Tag = Annotated[
    str, typer.Argument(parser=parse_tag, metavar="TAG", help="A hashtag, with or without #.")
]
As = Annotated[
    int | None,
    typer.Option("--as", parser=parse_id, metavar="USER", help="Read as this user: blocks apply."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Entries of a page.")]
Before = Annotated[
    int | None,
    typer.Option(parser=parse_id, metavar="ID", help="Only entries older than this id."),
]
After = Annotated[
    int | None,
    typer.Option(parser=parse_id, metavar="ID", help="Only entries after this one."),
]
Now = Annotated[
    int | None,
    typer.Option(
        parser=parse_instant, metavar="TIME", help="Read as of this instant (default: the clock)."
    ),
]

WaitFor = Annotated[
    list[str] | None,
    typer.Option(
        "--wait-for",
        metavar="POSITION",
        help="Answer when the views hold this record: topic:partition:offset, as `publish --json` "
        "prints it. May be repeated.",
    ),
]


def instant(now: int | None) -> int:
    """Return the given instant, or the clock's if it is `None`, in ms since the Unix epoch."""
    return now_ms() if now is None else now


@contextmanager
def read_side(wait_for: list[str] | None = None) -> Iterator["ReadSide"]:
    """Open the stores to read from once they hold the records at the positions `wait_for`.

    Raises:
        UserError: content is not found or is hidden (exit code 3), or a store is missing.
    """
    from streams.app.logs import configure_logs
    from streams.app.read_side import open_read_side
    from streams.app.settings import settings
    from streams.serving import NotFoundError

    configure_logs(logging.WARNING)
    if wait_for:
        _wait_for(wait_for)
    try:
        with open_read_side(settings()) as side:
            yield side
    except NotFoundError as error:
        raise UserError(f"{error} is not found, or not yours to see", exit_code=3) from None


def _wait_for(positions: list[str]) -> None:
    from streams.app.settings import settings
    from streams.app.workers.wait import wait_for_records
    from streams.record import parse_position

    try:
        places = [parse_position(text) for text in positions]
    except ValueError as error:
        raise UserError(str(error), exit_code=2) from None
    waiting = err.status("waiting …") if err.is_terminal else nullcontext()
    with waiting as status:
        wait_for_records(
            settings(),
            places,
            timeout_s=settings().read_wait_s,
            report=lambda what: status.update(what) if status else None,
        )


def when(at_ms: int) -> str:
    """Return an instant, given in ms since the Unix epoch, for a table: UTC, to the second."""
    from streams.contracts.times import format_time

    return str(format_time(at_ms))[:19].replace("T", " ")
