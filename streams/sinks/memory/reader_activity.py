"""Last visits of readers in a dict, for fast tests."""

import time
from collections.abc import Callable, Collection, Mapping

from streams.views.reader_activity import ABSENT_S


class MemoryReaderActivity:
    """A ReaderActivity of one process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._visits: dict[int, int] = {}

    def note(self, reader: int) -> None:
        self._visits[reader] = int(self._clock())

    def last(self, readers: Collection[int]) -> Mapping[int, int]:
        since = self._clock() - ABSENT_S
        found = {reader: self._visits.get(reader, 0) for reader in readers}
        return {reader: at for reader, at in found.items() if at > since}
