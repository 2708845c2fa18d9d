"""Read-through views: cached posts, relations, counts and stories in front of the durable store.

The writer that changes a row invalidates or refreshes its cached copy
(`streams.caching.invalidating_sink`), so the cache changes no answer. Concurrent readers do not
share an answer: it may miss a change that was acknowledged before the later reader asked.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

from cachetools import TTLCache

from streams.caching.count_maintainer import INLINE_BELOW
from streams.caching.formats import (
    pack_post,
    pack_relations,
    tier_of,
    unpack_post,
    unpack_relations,
)
from streams.caching.leases import fill_rows, get_rows
from streams.caching.metrics import Cache, CacheMetrics
from streams.caching.read_through_stories import ReadThroughStories
from streams.caching.ttl import CONTENT_TTL_S, COUNT_TTL_S, RELATIONS_TTL_S
from streams.contracts.events import Tier
from streams.contracts.times import now_ms
from streams.views.counted_members import counts
from streams.views.counts import CachedCount, Count, CountKind
from streams.views.row_cache import CachedRow, CacheLookup, RowCaches
from streams.views.rows import PostRow, Relations, TierRow
from streams.views.store import Views

TIER_FRESH_S: Final = 600.0
"""Seconds that an author's tier is reused after it was read."""
_AUTHORS: Final = 100_000


class ReadThroughRows:
    """A RowReader over durable views. If the cache is unavailable, it answers without it."""

    def __init__(
        self,
        durable: Views,
        caches: RowCaches,
        metrics: CacheMetrics | None = None,
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Read `durable` through `caches`.

        Args:
            clock: Returns the wall clock in milliseconds since the Unix epoch.
        """
        self._durable = durable
        self._posts, self._relations, self._counts = caches.posts, caches.relations, caches.counts
        self._metrics = metrics or CacheMetrics()
        self._lock = threading.Lock()
        self._tiers: TTLCache[int, Tier] = TTLCache(_AUTHORS, TIER_FRESH_S)
        stories = ReadThroughStories(
            durable,
            caches.stories,
            caches.seen,
            self._metrics,
            tiers=self._tiers_of,
            clock=clock,
        )
        self.current_stories = stories.current_stories
        self.viewed = stories.viewed
        self.stories = durable.rows.stories  # not cached
        self.comments = durable.rows.comments  # not cached

    def posts(self, ids: Collection[int]) -> Mapping[int, PostRow]:
        """Take one round trip if all are cached."""
        lookup = get_rows(self._posts, ids)
        rows = {i: unpack_post(packed) for i, packed in lookup.held.items()}
        for tier, hits in Counter(map(tier_of, lookup.held.values())).items():
            self._metrics.count(Cache.POST, tier, hits=hits)
        if missing := [i for i in ids if i not in rows]:
            rows |= self._fetch_posts(missing, lookup)
        return rows

    def relations(self, user: int) -> Relations:
        """Take one round trip if they are cached."""
        return self.relations_of(user, get_rows(self._relations, (user,)))

    def relations_of(self, user: int, lookup: CacheLookup) -> Relations:
        """Return the user's relations, given a lookup in their cache.

        No round trip if the lookup has them.
        """
        packed = lookup.held.get(user)
        if packed is not None:
            self._metrics.count(Cache.RELATIONS, Tier.REGULAR, hits=1)
            return unpack_relations(packed)
        self._metrics.count(Cache.RELATIONS, Tier.REGULAR, misses=1)
        relations = self._durable.rows.relations(user)
        if user in lookup.leased:
            row = CachedRow(pack_relations(relations), RELATIONS_TTL_S)
            fill_rows(self._relations, lookup.token, {user: row})
        return relations

    def counts(self, kind: CountKind, ids: Collection[int]) -> Mapping[int, Count]:
        """Take one round trip if all are cached."""
        cache = self._counts[kind]
        lookup = get_rows(cache, ids)
        found = {i: CachedCount.unpack(packed).value for i, packed in lookup.held.items()}
        missing = [i for i in ids if i not in found]
        self._metrics.count(Cache.COUNTS, Tier.REGULAR, hits=len(found), misses=len(missing))
        if missing:
            counted = self._count(kind, missing)
            leased = {i: count for i, count in counted.items() if i in lookup.leased}
            rows = {i: CachedRow(count.pack(), COUNT_TTL_S) for i, count in leased.items()}
            fill_rows(cache, lookup.token, rows)
            found |= {i: count.value for i, count in counted.items()}
        return found

    def _count(self, kind: CountKind, ids: Collection[int]) -> Mapping[int, CachedCount]:
        """Count the members as the cache keeps counts: with the viewers inline if there are few."""
        found: dict[int, CachedCount] = {}
        if kind is CountKind.VIEWS:
            for i in ids:
                viewers = self._durable.engagement.few_viewers(i, INLINE_BELOW - 1)
                if viewers is not None:
                    found[i] = CachedCount.of(viewers)
        many = [i for i in ids if i not in found]
        counted = counts(self._durable, kind, many) if many else {}
        return found | {i: CachedCount(count) for i, count in counted.items()}

    def _fetch_posts(self, ids: Collection[int], lookup: CacheLookup) -> Mapping[int, PostRow]:
        rows = self._durable.rows.posts(ids)
        by_author = self._tiers_of({row.author_id for row in rows.values()})
        tiers = {i: by_author[row.author_id] for i, row in rows.items()}
        for tier, misses in Counter(tiers.values()).items():
            self._metrics.count(Cache.POST, tier, misses=misses)
        leased = {
            i: CachedRow(pack_post(rows[i], tier), CONTENT_TTL_S[tier])
            for i, tier in tiers.items()
            if i in lookup.leased
        }
        fill_rows(self._posts, lookup.token, leased)
        return rows

    def _tiers_of(self, authors: Collection[int]) -> Mapping[int, Tier]:
        """Return the authors' tiers, up to `TIER_FRESH_S` old.

        They only decide how long a cached row lives.
        """
        with self._lock:
            known = {a: tier for a in authors if (tier := self._tiers.get(a)) is not None}
        if missing := [author for author in authors if author not in known]:
            decided = self._durable.tiers.tiers(missing)
            fetched = {author: _tier(decided.get(author)) for author in missing}
            with self._lock:
                self._tiers.update(fetched)
            known |= fetched
        return known


def _tier(decided: TierRow | None) -> Tier:
    """Return the decided tier.

    Return REGULAR if there is no decision, or one that only a later release knows.
    """
    return decided.tier if decided and decided.tier in CONTENT_TTL_S else Tier.REGULAR
