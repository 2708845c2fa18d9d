"""Memory of the listings that this process has written.

A listing is a row that says where posts are: the same row for all posts of an author's or tag's
month.
"""

import threading
from collections.abc import Iterable
from typing import Any, Final

from cachetools import LRUCache

from streams.sinks.cassandra.writes import Insert, Write

_KEPT: Final = 50_000

_Key = tuple[str, tuple[Any, ...]]


class Listings:
    """Listings that this process wrote last; safe between threads.

    Listings are only ever added, so that a durable one need not be written again: otherwise every
    batch would write the same few rows about a hot tag into one partition.
    """

    def __init__(self, *inserts: Insert) -> None:
        self._tables = frozenset(insert.table for insert in inserts)
        self._lock = threading.Lock()
        self._written: LRUCache[_Key, bool] = LRUCache(_KEPT)

    def unwritten(self, rows: Iterable[Write]) -> list[Write]:
        """Return the rows without the listings that are known to be durable."""
        with self._lock:
            return [row for row in rows if _key(row) not in self._written]

    def written(self, rows: Iterable[Write]) -> None:
        """Remember the listings among the rows, which are durable now."""
        keys = [_key(row) for row in rows if row.insert.table in self._tables]
        with self._lock:
            self._written.update((key, True) for key in keys)


def _key(row: Write) -> _Key:
    return row.insert.table, row.values
