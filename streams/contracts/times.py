"""Instants as people read them: RFC 3339 in UTC, to the millisecond."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def format_time(at_ms: int) -> str | int:
    """`2024-05-01T12:00:00.000Z`; the number itself where no calendar year holds it."""
    try:
        at = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return at_ms
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_time(text: str) -> int:
    """Milliseconds since the Unix epoch; finer digits are cut. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("the offset from UTC is missing")
    return (at - _EPOCH) // _MS
