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

from streams.caching.count_maintainer import CARRIED
from streams.caching.formats import (
    pack_post,
    pack_relations,
    tier_of,
    unpack_post,
    unpack_relations,
)
from streams.caching.leases import fill_copies, read_copies
from streams.caching.metrics import Cache, CacheMetrics
from streams.caching.read_through_stories import ReadThroughStories
from streams.caching.ttl import CONTENT_TTL_S, COUNT_TTL_S, RELATIONS_TTL_S
from streams.contracts.events import Tier
from streams.contracts.times import now_ms
from streams.views.counted_members import tallies
from streams.views.counts import CachedCount, Count, CountKind
from streams.views.row_cache import CachedRow, CacheLookup, RowCaches
from streams.views.rows import PostRow, Relations, TierRow
from streams.views.store import ViewReader

TIER_FRESH_S: Final = 600.0
"""Seconds that an author's tier is reused after it was read."""
_AUTHORS: Final = 100_000


class ReadThroughViews:
    """A ViewReader over a durable one. If the cache is unavailable, it answers without it."""

    def __init__(
        self,
        durable: ViewReader,
        copies: RowCaches,
        metrics: CacheMetrics | None = None,
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Read `durable` through `copies`.

        Args:
            clock: Returns the wall clock in milliseconds since the Unix epoch.
        """
        self._durable = durable
        self._posts, self._relations = copies.posts, copies.relations
        self._tallies = copies.tallies
        self._metrics = metrics or CacheMetrics()
        self._lock = threading.Lock()
        self._tiers: TTLCache[int, Tier] = TTLCache(_AUTHORS, TIER_FRESH_S)
        stories = ReadThroughStories(
            durable,
            copies.stories,
            copies.seen,
            self._metrics,
            tiers=self._tiers_of,
            clock=clock,
        )
        self.current_stories = stories.current_stories
        self.viewed = stories.viewed
        # The durable store alone answers everything else.
        self.stories = durable.stories
        self.comments = durable.comments
        self.author_posts = durable.author_posts
        self.recent_posts = durable.recent_posts
        self.tag_posts = durable.tag_posts
        self.tag_uses = durable.tag_uses
        self.reposts = durable.reposts
        self.author_stories = durable.author_stories
        self.stories_by = durable.stories_by
        self.highlights = durable.highlights
        self.following = durable.following
        self.followers = durable.followers
        self.follow_counts = durable.follow_counts
        self.likers = durable.likers
        self.like_count = durable.like_count
        self.view_count = durable.view_count
        self.likers_among = durable.likers_among
        self.content_likers = durable.content_likers
        self.user_likes = durable.user_likes
        self.viewers = durable.viewers
        self.few_viewers = durable.few_viewers
        self.first_view = durable.first_view
        self.latest_viewers = durable.latest_viewers
        self.content_comments = durable.content_comments
        self.content_commenters = durable.content_commenters
        self.tiers = durable.tiers
        self.follower_count = durable.follower_count
        self.pulled_authors = durable.pulled_authors
        self.pulled_posts = durable.pulled_posts

    def posts(self, ids: Collection[int]) -> Mapping[int, PostRow]:
        """Take one round trip if all are cached."""
        copied = read_copies(self._posts, ids)
        rows = {one: unpack_post(packed) for one, packed in copied.held.items()}
        for tier, hits in Counter(map(tier_of, copied.held.values())).items():
            self._metrics.count(Cache.POST, tier, hits=hits)
        lacking = [one for one in ids if one not in rows]
        if lacking:
            rows |= self._fetched_posts(lacking, copied)
        return rows

    def relations(self, user: int) -> Relations:
        """Take one round trip if they are cached."""
        return self.relations_of(user, read_copies(self._relations, (user,)))

    def relations_of(self, user: int, copied: CacheLookup) -> Relations:
        """Return the user's relations, given a lookup in their cache.

        No round trip if the lookup has them.
        """
        packed = copied.held.get(user)
        if packed is not None:
            self._metrics.count(Cache.RELATIONS, Tier.REGULAR, hits=1)
            return unpack_relations(packed)
        self._metrics.count(Cache.RELATIONS, Tier.REGULAR, misses=1)
        relations = self._durable.relations(user)
        if user in copied.leased:
            copy = CachedRow(pack_relations(relations), RELATIONS_TTL_S)
            fill_copies(self._relations, copied.token, {user: copy})
        return relations

    def tallies(self, kind: CountKind, ids: Collection[int]) -> Mapping[int, Count]:
        """Take one round trip if all are cached."""
        copies = self._tallies[kind]
        copied = read_copies(copies, ids)
        found = {one: CachedCount.unpack(packed).tally for one, packed in copied.held.items()}
        lacking = [one for one in ids if one not in found]
        self._metrics.count(Cache.TALLY, Tier.REGULAR, hits=len(found), misses=len(lacking))
        if lacking:
            counted = self._counted(kind, lacking)
            leased = {one: tally for one, tally in counted.items() if one in copied.leased}
            packed = {one: CachedRow(tally.pack(), COUNT_TTL_S) for one, tally in leased.items()}
            fill_copies(copies, copied.token, packed)
            found |= {one: counted[one].tally for one in lacking}
        return found

    def _counted(self, kind: CountKind, ids: Collection[int]) -> Mapping[int, CachedCount]:
        """Count the members as the cache keeps counts: with the viewers inline if there are few."""
        found: dict[int, CachedCount] = {}
        if kind is CountKind.VIEWS:
            for one in ids:
                viewers = self._durable.few_viewers(one, CARRIED - 1)
                if viewers is not None:
                    found[one] = CachedCount.of(viewers)
        many = [one for one in ids if one not in found]
        counted = tallies(self._durable, kind, many) if many else {}
        return found | {one: CachedCount(tally) for one, tally in counted.items()}

    def _fetched_posts(self, ids: Collection[int], copied: CacheLookup) -> Mapping[int, PostRow]:
        rows = self._durable.posts(ids)
        by_author = self._tiers_of({row.author_id for row in rows.values()})
        tiers = {one: by_author[row.author_id] for one, row in rows.items()}
        for tier, misses in Counter(tiers.values()).items():
            self._metrics.count(Cache.POST, tier, misses=misses)
        copies = {
            one: CachedRow(pack_post(rows[one], tier), CONTENT_TTL_S[tier])
            for one, tier in tiers.items()
            if one in copied.leased
        }
        fill_copies(self._posts, copied.token, copies)
        return rows

    def _tiers_of(self, authors: Collection[int]) -> Mapping[int, Tier]:
        """Return the authors' tiers, up to `TIER_FRESH_S` old.

        They only decide how long a cached row lives.
        """
        with self._lock:
            known = {a: tier for a in authors if (tier := self._tiers.get(a)) is not None}
        lacking = [author for author in authors if author not in known]
        if lacking:
            decided = self._durable.tiers(lacking)
            asked = {author: _tier(decided.get(author)) for author in lacking}
            with self._lock:
                self._tiers.update(asked)
            known |= asked
        return known


def _tier(decided: TierRow | None) -> Tier:
    """Return the decided tier.

    Return REGULAR if there is no decision, or one that only a later release knows.
    """
    return decided.tier if decided and decided.tier in CONTENT_TTL_S else Tier.REGULAR
