"""What the reading commands share: their options, and how they meet the stores."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.output import err
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.app.read_side import ReadSide

MAX_ID = (1 << 63) - 1
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGO = re.compile(r"now(?:-(\d{1,6})([mhd]))?")


def parse_id(text: str) -> int:
    """A positive 63-bit id in decimal; usage error otherwise."""
    if text.isascii() and text.isdigit() and 0 < int(text) <= MAX_ID:
        return int(text)
    raise typer.BadParameter(f"{text!r} is not an id: a whole number from 1 to {MAX_ID}")


def parse_instant(text: str) -> int:
    """An instant as RFC 3339 (a time zone is required) or in ms since the epoch, to ms."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no instant: write it like 2026-01-31T12:00:00Z, or in ms since 1970"
        ) from None
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time zone: add Z for UTC")
    return round(instant.timestamp() * 1000)


def parse_start(text: str) -> int:
    """`now`, `now-7d`, `now-36h`, `now-90m`, RFC 3339 or ms since the epoch, to ms."""
    ago = _AGO.fullmatch(text)
    if ago is None:
        return parse_instant(text)
    back = int(ago[1]) * _UNITS_MS[ago[2]] if ago[1] else 0
    return time.time_ns() // 1_000_000 - back


def parse_tag(text: str) -> str:
    """A hashtag that posts could bear; usage error otherwise."""
    from streams.contracts.tags import tag_key
    from streams.contracts.validate import MAX_HASHTAG

    if not text.isprintable():
        raise typer.BadParameter(f"{text!a} is no hashtag: it is not readable text")
    if not tag_key(text):
        raise typer.BadParameter(f"{text!r} is no hashtag: it is empty")
    if len(text.removeprefix("#")) > MAX_HASHTAG:
        raise typer.BadParameter(f"a hashtag has at most {MAX_HASHTAG} characters")
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
        "tells it. May be repeated.",
    ),
]


def instant(now: int | None) -> int:
    """The instant asked for, or the clock's, in ms."""
    return time.time_ns() // 1_000_000 if now is None else now


@contextmanager
def read_side(wait_for: list[str] | None = None) -> Iterator["ReadSide"]:
    """The stores to read from, once they hold the records at `wait_for`.

    Content that is not there is told in one line.
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
    from streams.app.applied import wait_for_records
    from streams.app.settings import settings
    from streams.runtime.attempts import parse_place

    try:
        places = [parse_place(text) for text in positions]
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
    """An instant for a table: UTC, to the second."""
    from streams.serving.answers import rfc3339

    return rfc3339(at_ms)[:19].replace("T", " ")
