"""Loader of the context of a feed page: relations, stored timeline, and pulled authors.

One round trip asks for all of it. The followed users are known only from the answer, so the loader
asks for the pulled posts of the users who were followed when this process last looked, and uses
that part of the answer only if the followed set has not changed since.
"""

import threading
from array import array
from collections.abc import Collection, Mapping
from hashlib import blake2b
from struct import pack
from typing import Final, NamedTuple

import structlog
from cachetools import LRUCache

from streams.caching.read_through import ReadThroughRows
from streams.errors import StoreUnavailableError
from streams.views.feed_context import FeedContextReader, FeedContextReply
from streams.views.pull_set import Pulled
from streams.views.row_cache import CacheLookup
from streams.views.rows import Relations
from streams.views.timeline_cache import Timeline

_log = structlog.get_logger(__name__)

READERS: Final = 20_000
"""Readers whose followed users a process remembers, 8 bytes for each followed user."""
_DIGEST_BYTES: Final = 16
_NOTHING: Final = FeedContextReply(CacheLookup({}, frozenset(), b""), None, None)


class FeedContext(NamedTuple):
    """Context of a feed page.

    `authors` are the followed users and the reader; `digest` identifies them.
    """

    relations: Relations
    authors: frozenset[int]
    digest: bytes
    timeline: Timeline | None
    """Timeline as it is stored, for whatever authors."""
    pulled: Mapping[int, Pulled] | None = None
    """Pulled posts of the authors, read after the timeline; `None` if they are not known."""


class _Followed(NamedTuple):
    digest: bytes
    authors: Collection[int]


class FeedContextLoader:
    """Loads the contexts of pages of one process; thread-safe."""

    def __init__(
        self, rows: ReadThroughRows, reader: FeedContextReader, *, readers: int = READERS
    ) -> None:
        self._rows = rows
        self._reader = reader
        self._lock = threading.Lock()
        self._followed: LRUCache[int, _Followed] = LRUCache(readers)

    def load(self, reader: int) -> FeedContext:
        """Return the context of a page for the reader.

        It takes one round trip, and a read of the durable store if the relations are not cached or
        the caches do not answer.

        Raises:
            StoreUnavailableError: The durable store does not answer.
        """
        with self._lock:
            followed = self._followed.get(reader)
        reply = self._read(reader, followed.authors if followed else ())
        relations = self._rows.relations_of(reader, reply.relations)
        context = feed_context(reader, relations, reply.timeline)
        if followed is not None and followed.digest == context.digest:
            return context._replace(pulled=reply.pulled)
        with self._lock:
            self._followed[reader] = _Followed(context.digest, array("Q", context.authors))
        return context

    def _read(self, reader: int, authors: Collection[int]) -> FeedContextReply:
        try:
            return self._reader.read(reader, authors)
        except StoreUnavailableError as error:
            _log.warning("feed_context_unavailable", error=str(error))
            return _NOTHING


def feed_context(reader: int, relations: Relations, timeline: Timeline | None) -> FeedContext:
    """Return a feed context without pulled posts."""
    authors = relations.following | {reader}
    return FeedContext(relations, authors, followed_digest(authors), timeline)


def followed_digest(authors: Collection[int]) -> bytes:
    """Return a digest (16 bytes) of a set of authors."""
    packed = pack(f">{len(authors)}Q", *sorted(authors))
    return blake2b(packed, digest_size=_DIGEST_BYTES).digest()
