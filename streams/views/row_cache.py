"""What serves copies of durable rows: fast, never the only place, and true until the row changes.

A copy is made under a *lease*, as in memcache (Nishtala et al., "Scaling Memcache at Facebook",
NSDI 2013): whoever finds none takes a lease, reads the durable row and fills it in; whoever changes
the row drops copy and lease afterwards. So what was read before a change is never filled in after
it, whoever is slow.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from streams.views.counts import CountKind


class CachedRow(NamedTuple):
    """A row as its reader packed it, and how many seconds the copy may live."""

    packed: bytes
    ttl_s: int


class CacheLookup(NamedTuple):
    """The copies of some rows, and which of those that lack one the caller may fill in."""

    held: Mapping[int, bytes]
    leased: frozenset[int]
    token: bytes
    """For `Copies.fill`."""


class RefreshTicket(NamedTuple):
    """The copies there were of rows that have changed."""

    old: Mapping[int, bytes]
    token: bytes
    """For `Copies.fill`."""


class RowCache(Protocol):
    """Copies of the rows of one kind, by id. All methods raise StoreUnavailableError.

    Losing any of them at any moment costs time, never a right answer.
    """

    def read(self, ids: Collection[int]) -> CacheLookup:
        """The copies there are, and leases for those that are not there and nobody is fetching.

        The durable rows of what is leased must be read after this.
        """
        ...

    def fill(self, token: bytes, copies: Mapping[int, CachedRow]) -> None:
        """Put in what was leased under `token`, but where the lease is gone."""
        ...

    def renew(self, ids: Collection[int]) -> RefreshTicket:
        """The durable rows have changed and new copies are at hand, or copies are to tell more:
        find them; they are read as they are until a `fill` under the token replaces them.

        Leases, and copies that somebody else has begun to renew, are dropped: what either would
        fill in may not know of this change, nor what the caller knows of theirs.
        """
        ...

    def drop(self, ids: Collection[int]) -> None:
        """The durable rows have changed: forget their copies and leases."""
        ...


class RowCaches(NamedTuple):
    """What is copied: posts by their id, relations by the id of the user whose they are, tallies
    of each kind by the content's id, an author's stories by the author's, and which of them
    somebody has seen by the viewer's."""

    posts: RowCache
    relations: RowCache
    tallies: Mapping[CountKind, RowCache]
    stories: RowCache
    seen: RowCache
