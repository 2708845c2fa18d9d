"""Last reads of readers in a dict, for fast tests."""

import time
from collections.abc import Callable, Collection, Mapping

from streams.views.reader_activity import ABSENT_S


class MemoryReaderActivity:
    """A ReaderActivity of one process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last_reads: dict[int, int] = {}

    def record_read(self, reader: int) -> None:
        self._last_reads[reader] = int(self._clock())

    def last_read_at(self, readers: Collection[int]) -> Mapping[int, int]:
        since = self._clock() - ABSENT_S
        found = {reader: self._last_reads.get(reader, 0) for reader in readers}
        return {reader: at for reader, at in found.items() if at > since}
