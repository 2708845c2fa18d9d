"""Instants as RFC 3339 text and as milliseconds since the Unix epoch; lengths of time."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S

FIRST_MS: Final = -62_135_596_800_000
"""0001-01-01T00:00:00.000Z, the first instant that an event may have."""
LAST_MS: Final = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z, the last instant that an event may have."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH: Final = datetime(1970, 1, 1)
_MS: Final = timedelta(milliseconds=1)

# RFC 3339, section 5.6. Its notes allow lower-case letters and a space in place of the T.
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|(60))(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))?",
    re.ASCII,
)
_SECONDS_AT: Final = 17
_FRACTION_AT: Final = 19
_OUTSIDE: Final = "it is outside the years 1 to 9999"


def now_ms() -> int:
    """Return the clock's time in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def rfc3339(at: datetime, timespec: str = "seconds") -> str:
    """Return an instant in UTC as `2024-05-01T12:00:00Z`, down to `timespec` as in `isoformat`."""
    return at.isoformat(timespec=timespec).removesuffix("+00:00") + "Z"


def format_time(at_ms: int) -> str | int:
    """Return `2024-05-01T12:00:00.000Z`, or `at_ms` itself outside the years 1 to 9999."""
    try:
        at = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return at_ms
    return rfc3339(at, "milliseconds")


def parse_time(text: str) -> int:
    """Return an RFC 3339 date-time as milliseconds since the Unix epoch.

    Every form of RFC 3339 is read: lower-case `t` and `z`, a space instead of the `T`, any number
    of fraction digits and offsets up to ±23:59. Digits after the milliseconds are cut off.
    Second 60 is accepted only at the end of a month in UTC, when a leap second may occur; it is
    read as the first second of the next month, as in POSIX time.

    Raises:
        ValueError: The text is not an RFC 3339 date-time, or is outside the years 1 to 9999 (UTC).
    """
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        raise ValueError("it is not in the form 2026-01-31T12:00:00Z")
    leap, fraction, sign, hours, minutes = found.groups()
    if sign is None and text[-1] not in "Zz":
        raise ValueError("the offset from UTC is missing: add Z for UTC")
    at_ms = _local_ms(f"{text[:_SECONDS_AT]}59" if leap else text[:_FRACTION_AT])
    if leap:
        at_ms += 1000
    if fraction is not None:
        at_ms += int(fraction[:3].ljust(3, "0"))
    if sign is not None:
        offset = (int(hours) * 60 + int(minutes)) * MINUTE_MS
        at_ms += offset if sign == "-" else -offset
    if not FIRST_MS <= at_ms <= LAST_MS:
        raise ValueError(_OUTSIDE)
    if leap and not _begins_month(at_ms):
        raise ValueError("second 60 exists only at the end of a month (UTC)")
    return at_ms


def _local_ms(text: str) -> int:
    """Return the milliseconds from 1970 to a date-time, both in the same offset."""
    try:
        return (datetime.fromisoformat(text) - _LOCAL_EPOCH) // _MS
    except ValueError:
        year_0 = text.startswith("0000")
        raise ValueError(_OUTSIDE if year_0 else "there is no such day") from None


def _begins_month(at_ms: int) -> bool:
    """Return whether an instant is in the first second of a month (UTC)."""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return (at.day, at.hour, at.minute, at.second) == (1, 0, 0, 0)
