"""Who reads: when readers last asked for their home feeds."""

from collections.abc import Collection, Mapping
from typing import Final, Protocol

ABSENT_S: Final = 30 * 24 * 3600
"""Who has not read for longer is forgotten."""


class ReaderActivity(Protocol):
    """Readers' last visits, to the minute. Nothing but what is worth warming depends on them.

    Both methods raise StoreUnavailableError.
    """

    def note(self, reader: int) -> None:
        """The reader reads the feed now."""
        ...

    def last(self, readers: Collection[int]) -> Mapping[int, int]:
        """When each of them read last (s since 1970); absent: not for long, or not known."""
        ...
