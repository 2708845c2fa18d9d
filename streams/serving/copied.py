"""The views with copies of posts and relations in front of the durable store.

Whoever changes a row drops its copy (`streams.sinks.dropping`), so the copies change no answer. An
answer is shared with nobody who asks at the same time: what a change that is already acknowledged
told may be missing from it.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import structlog
from cachetools import TTLCache

from streams.contracts.events import Tier
from streams.projections.copies import Copied, Copies, Copy, RowCopies
from streams.projections.current import current_stories
from streams.projections.members import tallies
from streams.projections.ports import (
    PostRow,
    Relations,
    StoreUnavailableError,
    StoryRow,
    TierRow,
    ViewReader,
)
from streams.projections.tallies import Count, Stamped, Tally
from streams.serving.metrics import Cache, CacheMetrics
from streams.serving.packing import (
    Seen,
    pack_post,
    pack_relations,
    pack_stories,
    tier_of,
    unpack_post,
    unpack_relations,
    unpack_stories,
)
from streams.sinks.tallying import TALLY_TTL_S

_HOUR: Final = 3600
POST_TTL_S: Final = {
    Tier.CELEBRITY: 6 * _HOUR,
    Tier.POPULAR: 2 * _HOUR,
    Tier.REGULAR: _HOUR // 2,
}
"""How long a copy of a post lives, by its author's tier."""
TIER_FRESH_S: Final = 600.0
"""How long a tier that was asked for serves."""
_AUTHORS: Final = 100_000
RELATIONS_TTL_S: Final = 24 * _HOUR
SEEN_TTL_S: Final = 2 * _HOUR
STORIES_BACK_MS: Final = 60_000
"""Who asks for stories of so long ago asks for the past."""
STORIES_AHEAD_MS: Final = 600_000
"""A story may be made so much later than the wall clock says: more than any event is taken."""

_log = structlog.get_logger(__name__)


class CopiedViews:
    """A ViewReader over a durable one. Where copies cannot be had, it answers without them."""

    def __init__(
        self,
        durable: ViewReader,
        copies: RowCopies,
        metrics: CacheMetrics | None = None,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`clock` tells the wall clock's ms."""
        self._clock = clock
        self._durable = durable
        self._copies = copies
        self._posts, self._relations = copies.posts, copies.relations
        self._metrics = metrics or CacheMetrics()
        self._lock = threading.Lock()
        self._tiers: TTLCache[int, Tier] = TTLCache(_AUTHORS, TIER_FRESH_S)
        # Everything else is asked of the durable store alone.
        self.stories = durable.stories
        self.comments = durable.comments
        self.author_posts = durable.author_posts
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
        self.first_view = durable.first_view
        self.latest_viewers = durable.latest_viewers
        self.content_comments = durable.content_comments
        self.tiers = durable.tiers
        self.follower_count = durable.follower_count
        self.pulled_authors = durable.pulled_authors
        self.pulled_posts = durable.pulled_posts

    def posts(self, ids: Collection[int]) -> Mapping[int, PostRow]:
        """See ViewReader. One round trip where all are copied."""
        copied = _read(self._posts, ids)
        rows = {one: unpack_post(packed) for one, packed in copied.held.items()}
        for tier, hits in Counter(map(tier_of, copied.held.values())).items():
            self._metrics.count(Cache.POST, tier, hits=hits)
        lacking = [one for one in ids if one not in rows]
        if lacking:
            rows |= self._fetched_posts(lacking, copied)
        return rows

    def relations(self, user: int) -> Relations:
        """See ViewReader. One round trip where they are copied."""
        copied = _read(self._relations, (user,))
        packed = copied.held.get(user)
        if packed is not None:
            self._metrics.count(Cache.RELATIONS, Tier.REGULAR, hits=1)
            return unpack_relations(packed)
        self._metrics.count(Cache.RELATIONS, Tier.REGULAR, misses=1)
        relations = self._durable.relations(user)
        if user in copied.leased:
            copy = Copy(pack_relations(relations), RELATIONS_TTL_S)
            _fill(self._relations, copied.token, {user: copy})
        return relations

    def tallies(self, kind: Count, ids: Collection[int]) -> Mapping[int, Tally]:
        """See `streams.projections.tallies`. One round trip where all are copied."""
        copies = self._copies.tallies[kind]
        copied = _read(copies, ids)
        found = {one: Stamped.unpack(packed).tally for one, packed in copied.held.items()}
        lacking = [one for one in ids if one not in found]
        self._metrics.count(Cache.TALLY, Tier.REGULAR, hits=len(found), misses=len(lacking))
        if lacking:
            counted = tallies(self._durable, kind, lacking)
            leased = {one: tally for one, tally in counted.items() if one in copied.leased}
            packed = {one: Copy(Stamped(t).pack(), TALLY_TTL_S) for one, t in leased.items()}
            _fill(copies, copied.token, packed)
            found |= counted
        return found

    def current_stories(
        self, authors: Collection[int], now: int
    ) -> Mapping[int, Sequence[StoryRow]]:
        """See ViewReader. One round trip where all are copied; the past is asked of the durable
        store."""
        wall = self._clock()
        if now < wall - STORIES_BACK_MS:
            return self._durable.current_stories(authors, now)
        copied = _read(self._copies.stories, authors)
        found: dict[int, Sequence[StoryRow]] = {}
        for author, packed in copied.held.items():
            since, rows = unpack_stories(packed)
            if since <= now:
                found[author] = rows
        lacking = [author for author in authors if author not in found]
        self._metrics.count(Cache.STORIES, Tier.REGULAR, hits=len(found), misses=len(lacking))
        if lacking:
            # Stories of clocks that are ahead are there, too, for when their time has come.
            until = max(now, wall) + STORIES_AHEAD_MS
            fetched = current_stories(self._durable, lacking, now, until)
            tiers = self._tiers_of([author for author in lacking if fetched[author]])
            copies = {
                author: Copy(
                    pack_stories(fetched[author], now),
                    _stories_ttl(fetched[author], tiers.get(author, Tier.REGULAR), now),
                )
                for author in lacking
                if author in copied.leased
            }
            _fill(self._copies.stories, copied.token, copies)
            found |= fetched
        return found

    def viewed(self, viewer: int, content_ids: Collection[int]) -> frozenset[int]:
        """See ViewReader. One round trip where the copy tells of all of them."""
        if not content_ids:
            return frozenset()
        wanted, copies = frozenset(content_ids), self._copies.seen
        copied = _read(copies, (viewer,))
        token, known = copied.token, Seen(frozenset(), frozenset())
        may_fill = viewer in copied.leased
        if viewer in copied.held:
            known = Seen.unpack(copied.held[viewer])
            if wanted <= known.seen | known.unseen:
                self._metrics.count(Cache.SEEN, Tier.REGULAR, hits=1)
                return wanted & known.seen
            token, packed = _renew(copies, viewer)
            known = Seen.unpack(packed) if packed else Seen(frozenset(), frozenset())
            may_fill = packed is not None
        self._metrics.count(Cache.SEEN, Tier.REGULAR, misses=1)
        seen = self._durable.viewed(viewer, wanted - known.seen - known.unseen)
        seen |= wanted & known.seen
        if may_fill:
            packed = Seen(seen, wanted - seen).pack()
            _fill(copies, token, {viewer: Copy(packed, SEEN_TTL_S)})
        return seen

    def _fetched_posts(self, ids: Collection[int], copied: Copied) -> Mapping[int, PostRow]:
        rows = self._durable.posts(ids)
        by_author = self._tiers_of({row.author_id for row in rows.values()})
        tiers = {one: by_author[row.author_id] for one, row in rows.items()}
        for tier, misses in Counter(tiers.values()).items():
            self._metrics.count(Cache.POST, tier, misses=misses)
        copies = {
            one: Copy(pack_post(rows[one], tier), POST_TTL_S[tier])
            for one, tier in tiers.items()
            if one in copied.leased
        }
        _fill(self._posts, copied.token, copies)
        return rows

    def _tiers_of(self, authors: Collection[int]) -> Mapping[int, Tier]:
        """A few minutes old, maybe: they say how long a copy lives, and nothing else."""
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
    """REGULAR where nothing was decided, or something that only a later release knows."""
    return decided.tier if decided and decided.tier in POST_TTL_S else Tier.REGULAR


def _read(copies: Copies, ids: Collection[int]) -> Copied:
    try:
        return copies.read(ids)
    except StoreUnavailableError as error:
        _log.warning("copies_unavailable", error=str(error))
        return Copied({}, frozenset(), b"")


def _renew(copies: Copies, one: int) -> tuple[bytes, bytes | None]:
    """A token under which the copy may be replaced, and what it was; None: it may not."""
    try:
        renewed = copies.renew((one,))
    except StoreUnavailableError as error:
        _log.warning("copies_unavailable", error=str(error))
        return b"", None
    return renewed.token, renewed.old.get(one)


def _stories_ttl(rows: Sequence[StoryRow], tier: Tier, now: int) -> int:
    """Seconds: by the author's tier, but no longer than one of the stories is shown."""
    last = max((row.expires_at for row in rows), default=now)
    shown = -(-(last - now) // 1000)
    return max(1, min(POST_TTL_S[tier], shown)) if rows else POST_TTL_S[Tier.REGULAR]


def _fill(copies: Copies, token: bytes, filled: Mapping[int, Copy]) -> None:
    if filled:
        try:
            copies.fill(token, filled)
        except StoreUnavailableError as error:
            _log.warning("copies_unavailable", error=str(error))
