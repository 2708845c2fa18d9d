"""Maintenance of cached counts while members come and go, without counting giants again and again.

The maintainer drops the entries that a batch has changed, and the next reader counts: that is cheap
for nearly all content. It *holds* a count that turns out large: it loads the members once, reads
the members that a batch concerns again when the batch is durable, and replaces the cached number.
Views change with every reader; entries with few viewers hold them inline, and the maintainer adds
the new ones. So a count is always a number of members, never a sum of changes, and a batch that is
applied twice changes nothing.

Held members belong to one cached entry, which has a stamp of the writer that filled it in. If
another worker has changed the same content in the meantime, the entry is gone or has another stamp,
and the maintainer discards what it holds. See docs/concepts/copies.md.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from datasketches import hll_sketch, tgt_hll_type

from streams.caching.ttl import COUNT_TTL_S
from streams.views.counted_members import members, members_among
from streams.views.counts import CachedCount, Count, CountKind
from streams.views.row_cache import CachedRow, RowCache
from streams.views.store import Views

EXACT_VIEWS: Final = 100_000
"""Up to this many views are always counted exactly."""
_SKETCH_LG: Final = 17
"""2**17 registers of a byte: a standard error of 0.23 % (HLL with HIP: Ting 2014)."""

_Ids = npt.NDArray[np.int64]
INLINE_BELOW: Final = 1_000
"""Cached counts of views with fewer members than this hold them inline."""
_NOT_HELD: Final = frozenset({CountKind.REPOSTS})
"""Reposts of one post are in many partitions: workers would overwrite each other's stamps."""


class CountMaintainer:
    """Drops or refreshes cached counts; thread-safe."""

    def __init__(
        self,
        views: Views,
        caches: Mapping[CountKind, RowCache],
        *,
        held_from: int = INLINE_BELOW,
        exact_views: int = EXACT_VIEWS,
        capacity: int = 20_000_000,
    ) -> None:
        """Maintain the counts of `views`.

        Args:
            views: The durable views.
            caches: Caches of the counts, by kind.
            held_from: Number of members from which counts are held.
            exact_views: Up to this many views are counted exactly.
            capacity: Maximum number of held members of a kind (8 bytes each).
        """
        self._held = {
            kind: _HeldMembers(views, kind, held_from, exact_views, capacity)
            for kind in CountKind
            if kind not in _NOT_HELD
        }
        self._caches = caches

    def changed(self, kind: CountKind, changes: Mapping[int, Collection[int]]) -> None:
        """Drop or refresh the counts of contents whose members (content -> ids) may have changed.

        Call it when the durable rows are written.

        Raises:
            StoreUnavailableError: The cache or the store does not answer; the call may be repeated.
        """
        if not changes:
            return
        cache, held = self._caches[kind], self._held.get(kind)
        if held is None:
            cache.invalidate(changes)
            return
        with held.lock:
            ticket = cache.refresh(changes)
            counts = {
                content: count
                for content, packed in ticket.old.items()
                if (count := held.count(content, CachedCount.unpack(packed), changes[content]))
            }
            cache.invalidate(ticket.old.keys() - counts)
            rows = {i: CachedRow(count.pack(), COUNT_TTL_S) for i, count in counts.items()}
            cache.fill(ticket.token, rows)


class _HeldMembers:
    """Members of large counts of one kind; the longest unchanged are evicted first."""

    def __init__(
        self, views: Views, kind: CountKind, held_from: int, exact_views: int, capacity: int
    ) -> None:
        self.lock = threading.Lock()
        self._views = views
        self._kind = kind
        self._held_from = held_from
        self._exact = exact_views
        self._capacity = capacity
        self._members: OrderedDict[int, tuple[bytes, _Members | _Sketch]] = OrderedDict()
        self._size = 0

    def count(
        self, content_id: int, old: CachedCount, changed: Collection[int]
    ) -> CachedCount | None:
        """Return the count after the `changed` ids; `None` if it is not worth keeping."""
        held = self._take_current(content_id, old.stamp)
        if held is not None:
            held.update(changed, members_among(self._views, self._kind, content_id, changed))
        elif self._kind is CountKind.VIEWS and (inline := old.members) is not None:
            viewers = inline.union(changed)  # a view is permanent
            if len(viewers) < self._held_from:
                return CachedCount.of(viewers)
            held = _Members(viewers)
        elif old.value.number >= self._held_from:
            held = _Members(members(self._views, self._kind, content_id))
        else:
            return None
        if self._kind is CountKind.VIEWS and isinstance(held, _Members) and held.size > self._exact:
            held = _Sketch(held)
        stamp = secrets.token_bytes(8)
        self._members[content_id] = stamp, held
        self._size += held.size
        while self._size > self._capacity and len(self._members) > 1:
            _, (_, evicted) = self._members.popitem(last=False)
            self._size -= evicted.size
        return CachedCount(held.count, stamp)

    def _take_current(self, content_id: int, stamp: bytes) -> "_Members | _Sketch | None":
        """Take out the held members; return them if the cached entry still has their `stamp`."""
        if content_id not in self._members:
            return None
        own, held = self._members.pop(content_id)
        self._size -= held.size
        return held if own == stamp else None


class _Members:
    """Member ids, ascending."""

    def __init__(self, ids: Collection[int]) -> None:
        self.ids: _Ids = np.sort(_array(ids))

    @property
    def size(self) -> int:
        return len(self.ids)

    @property
    def count(self) -> Count:
        return Count(len(self.ids))

    def update(self, changed: Collection[int], counted: Collection[int]) -> None:
        """Update the members: of the changed ids, only `counted` are members now."""
        self.ids = np.delete(self.ids, self._indexes(np.unique(_array(changed))))
        added = np.unique(_array(counted))
        self.ids = np.insert(self.ids, np.searchsorted(self.ids, added), added)

    def _indexes(self, ids: _Ids) -> npt.NDArray[np.intp]:
        """Return the indexes of those ids that are members."""
        indexes = np.searchsorted(self.ids, ids)
        inside = np.flatnonzero(indexes < len(self.ids))
        held: npt.NDArray[np.intp] = indexes[inside[self.ids[indexes[inside]] == ids[inside]]]
        return held


class _Sketch:
    """Estimate of the number of ids, seeded with all members so far."""

    size: Final = (1 << _SKETCH_LG) // 8

    def __init__(self, seed: _Members) -> None:
        self._sketch = hll_sketch(_SKETCH_LG, tgt_hll_type.HLL_8)
        self._add(seed.ids.tolist())

    @property
    def count(self) -> Count:
        return Count(round(self._sketch.get_estimate()), estimated=True)

    def update(self, _: Collection[int], counted: Collection[int]) -> None:
        """Add ids; a sketch never removes any."""
        self._add(counted)

    def _add(self, ids: Collection[int]) -> None:
        for i in ids:
            self._sketch.update(i)


def _array(ids: Collection[int]) -> _Ids:
    return np.fromiter(ids, np.int64, len(ids))
