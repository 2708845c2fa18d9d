"""Port of the row cache: copies of durable rows, invalidated whenever a row changes.

The cache is fast and never the only place of a row. It uses *leases*, as memcache does (Nishtala et
al., "Scaling Memcache at Facebook", NSDI 2013): on a miss a reader takes a lease, reads the durable
row and fills it in; a writer drops the cached row and the lease after it changes the durable row.
So a row that was read before a change is never filled in after it, however slow a process is.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from streams.views.counts import CountKind


class CachedRow(NamedTuple):
    """A row as its reader packed it, and its time to live in the cache in seconds."""

    packed: bytes
    ttl_s: int


class CacheLookup(NamedTuple):
    """The cached rows among some ids, and the missing ids that the caller may fill in."""

    held: Mapping[int, bytes]
    leased: frozenset[int]
    token: bytes
    """Token for `RowCache.fill`."""


class RefreshTicket(NamedTuple):
    """The cached rows, before the change, of rows that have changed."""

    old: Mapping[int, bytes]
    token: bytes
    """Token for `RowCache.fill`."""


class RowCache(Protocol):
    """Cached rows of one kind, by id. All methods raise `StoreUnavailableError`.

    Losing any of them at any moment costs time, never a right answer.
    """

    def get(self, ids: Collection[int]) -> CacheLookup:
        """Return the cached rows, and leases for missing ones that no other caller is fetching.

        Read the durable rows of leased ids after this call.
        """
        ...

    def fill(self, token: bytes, rows: Mapping[int, CachedRow]) -> None:
        """Fill in rows that were leased or are being refreshed under `token`.

        Rows whose lease is gone are left out.
        """
        ...

    def refresh(self, ids: Collection[int]) -> RefreshTicket:
        """Return the cached rows of ids whose entries the caller is about to replace.

        Call it when the durable rows have changed and the caller can compute the new entries, or
        when the entries are to hold more. Readers see the old entries until a `fill` under the
        token replaces them.

        Leases are dropped, and so are entries that another caller has begun to refresh: what either
        would fill in may miss this change, and what the caller knows may miss theirs.
        """
        ...

    def invalidate(self, ids: Collection[int]) -> None:
        """Invalidate the cached rows and leases of durable rows that have changed."""
        ...


class RowCaches(NamedTuple):
    """Row caches by kind.

    Their keys are the post's id for posts, the user's for relations, the content's for counts of
    each kind, the author's for stories, and the viewer's for the stories that the viewer has seen.
    """

    posts: RowCache
    relations: RowCache
    counts: Mapping[CountKind, RowCache]
    stories: RowCache
    seen: RowCache
