"""Read-through views of what story trays need: current stories and seen stories."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from streams.caching.formats import pack_stories, tier_of, unpack_stories
from streams.caching.leases import fill_rows, get_rows, refresh_row
from streams.caching.metrics import Cache, CacheMetrics
from streams.caching.ttl import CONTENT_TTL_S, SEEN_TTL_S
from streams.contracts.events import Tier
from streams.contracts.times import MINUTE_MS
from streams.views.row_cache import CachedRow, RowCache
from streams.views.rows import StoryRow
from streams.views.seen_stories import Seen
from streams.views.store import Views
from streams.views.visible_stories import current_stories

STORIES_BACK_MS: Final = MINUTE_MS
"""Reads of stories from longer ago are reads of the past, and bypass the cache."""
STORIES_AHEAD_MS: Final = 10 * MINUTE_MS
"""A story's time may be this far ahead of the wall clock: further than any accepted event."""


class ReadThroughStories:
    """The part of a RowReader that trays need."""

    def __init__(
        self,
        durable: Views,
        stories: RowCache,
        seen: RowCache,
        metrics: CacheMetrics,
        *,
        tiers: Callable[[Collection[int]], Mapping[int, Tier]],
        clock: Callable[[], int],
    ) -> None:
        """Read `durable` through the caches `stories` and `seen`.

        Args:
            tiers: Returns the tiers of authors.
            clock: Returns the wall clock in milliseconds since the Unix epoch.
        """
        self._durable = durable
        self._stories = stories
        self._seen = seen
        self._metrics = metrics
        self._tiers = tiers
        self._clock = clock

    def current_stories(
        self, authors: Collection[int], now: int
    ) -> Mapping[int, Sequence[StoryRow]]:
        """Take one round trip if all are cached.

        The durable store answers for times other than the present.
        """
        wall = self._clock()
        if not wall - STORIES_BACK_MS <= now <= wall + STORIES_AHEAD_MS:
            return self._durable.rows.current_stories(authors, now)
        lookup = get_rows(self._stories, authors)
        found: dict[int, Sequence[StoryRow]] = {}
        for author, packed in lookup.held.items():
            since, rows = unpack_stories(packed)
            if since <= now:
                found[author] = rows
        for tier, hits in Counter(tier_of(lookup.held[author]) for author in found).items():
            self._metrics.count(Cache.STORIES, tier, hits=hits)
        missing = [author for author in authors if author not in found]
        if missing:
            # Include stories of clocks that are ahead, for when their time has come.
            until = max(now, wall) + STORIES_AHEAD_MS
            fetched = current_stories(self._durable, missing, now, until)
            tiers = self._tiers(missing)
            for tier, misses in Counter(tiers.values()).items():
                self._metrics.count(Cache.STORIES, tier, misses=misses)
            leased = {
                author: _cached(rows, now, tiers[author])
                for author, rows in fetched.items()
                if author in lookup.leased
            }
            fill_rows(self._stories, lookup.token, leased)
            found |= fetched
        return found

    def viewed(self, viewer: int, content_ids: Collection[int]) -> frozenset[int]:
        """Take one round trip if the cached row covers all contents."""
        if not content_ids:
            return frozenset()
        requested = frozenset(content_ids)
        lookup = get_rows(self._seen, (viewer,))
        token, known = lookup.token, Seen()
        may_fill = viewer in lookup.leased
        if viewer in lookup.held:
            known = Seen.unpack(lookup.held[viewer])
            if requested <= known.seen | known.unseen:
                self._metrics.count(Cache.SEEN, Tier.REGULAR, hits=1)
                return requested & known.seen
            token, packed = refresh_row(self._seen, viewer)
            known = Seen.unpack(packed) if packed else Seen()
            may_fill = packed is not None
        self._metrics.count(Cache.SEEN, Tier.REGULAR, misses=1)
        seen = self._durable.rows.viewed(viewer, requested - known.seen - known.unseen)
        seen |= requested & known.seen
        if may_fill:
            packed = Seen(seen, requested - seen).pack()
            fill_rows(self._seen, token, {viewer: CachedRow(packed, SEEN_TTL_S)})
        return seen


def _cached(rows: Sequence[StoryRow], now: int, tier: Tier) -> CachedRow:
    """Return the row to cache; it expires at the latest when the last story ends."""
    last = max((row.expires_at for row in rows), default=None)
    left = CONTENT_TTL_S[tier] if last is None else max(1, -(-(last - now) // 1000))
    return CachedRow(pack_stories(rows, now, tier), min(CONTENT_TTL_S[tier], left))
