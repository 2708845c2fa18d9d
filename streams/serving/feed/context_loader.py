"""What a page of a home feed begins with: whom the reader follows, what is stored for the reader,
and who of the followed is pulled.

All of it is asked for in one round trip. Whom the reader follows is known only from the answer, so
who of them is pulled is asked for those who were followed when this process last looked, and
counts where nothing has changed since.
"""

import threading
from array import array
from collections.abc import Collection, Mapping
from hashlib import blake2b
from struct import pack
from typing import Final, NamedTuple

import structlog
from cachetools import LRUCache

from streams.caching.read_through import ReadThroughViews
from streams.errors import StoreUnavailableError
from streams.views.feed_context import FeedContextReader, FeedContextReply
from streams.views.pull_set import Pulled
from streams.views.row_cache import CacheLookup
from streams.views.rows import Relations
from streams.views.timeline_cache import Timeline

_log = structlog.get_logger(__name__)

READERS: Final = 20_000
"""Readers of whom a process remembers whom they followed, 8 bytes each."""
_DIGEST_BYTES: Final = 16
_NOTHING: Final = FeedContextReply(CacheLookup({}, frozenset(), b""), None, None)


class FeedContext(NamedTuple):
    """What a page begins with: those followed and the reader (`authors`), their digest."""

    relations: Relations
    authors: frozenset[int]
    sources: bytes
    timeline: Timeline | None
    """As it is stored, for whatever authors."""
    pulled: Mapping[int, Pulled] | None = None
    """Who of the authors is pulled, as of after the timeline was read; None: it is not known."""


class _Followed(NamedTuple):
    sources: bytes
    authors: Collection[int]


class FeedContextLoader:
    """Opens pages of one process; safe between threads."""

    def __init__(
        self, views: ReadThroughViews, openings: FeedContextReader, *, readers: int = READERS
    ) -> None:
        self._views = views
        self._openings = openings
        self._lock = threading.Lock()
        self._followed: LRUCache[int, _Followed] = LRUCache(readers)

    def open(self, reader: int) -> FeedContext:
        """One round trip, and the durable store where relations are not copied, or nothing is.

        Raises StoreUnavailableError where the durable store does not answer.
        """
        with self._lock:
            followed = self._followed.get(reader)
        opened = self._opened(reader, followed.authors if followed else ())
        relations = self._views.relations_of(reader, opened.relations)
        opening = opening_of(reader, relations, opened.timeline)
        if followed is not None and followed.sources == opening.sources:
            return opening._replace(pulled=opened.pulled)
        with self._lock:
            self._followed[reader] = _Followed(opening.sources, array("Q", opening.authors))
        return opening

    def _opened(self, reader: int, authors: Collection[int]) -> FeedContextReply:
        try:
            return self._openings.read(reader, authors)
        except StoreUnavailableError as error:
            _log.warning("openings_unavailable", error=str(error))
            return _NOTHING


def opening_of(reader: int, relations: Relations, timeline: Timeline | None) -> FeedContext:
    """An opening of which nobody has asked who is pulled."""
    authors = relations.following | {reader}
    return FeedContext(relations, authors, sources_digest(authors), timeline)


def sources_digest(authors: Collection[int]) -> bytes:
    """16 bytes that stand for a set of authors."""
    packed = pack(f">{len(authors)}Q", *sorted(authors))
    return blake2b(packed, digest_size=_DIGEST_BYTES).digest()
