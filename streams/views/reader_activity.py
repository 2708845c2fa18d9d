"""Port of reader activity: when readers last read their home feeds."""

from collections.abc import Collection, Mapping
from typing import Final, Protocol

from streams.contracts.times import DAY_S

ABSENT_S: Final = 30 * DAY_S
"""A reader who has not read for longer (seconds) is forgotten."""


class ReaderActivity(Protocol):
    """Times of readers' last reads, to the minute. They decide only what is worth warming.

    Both methods raise `StoreUnavailableError`.
    """

    def record_read(self, reader: int) -> None:
        """Record that the reader reads the feed now."""
        ...

    def last_read_at(self, readers: Collection[int]) -> Mapping[int, int]:
        """Return the time of each reader's last read, in seconds since the Unix epoch.

        Readers who have not read for long, or are unknown, are absent.
        """
        ...
