"""Fan-out of posts to readers: pushed onto warm timelines, or left for readers to pull.

The mode that a post takes changes no answer, so a decision may be late, repeated or undone. What
must hold is the order: a post is durable before it is pushed or pulled, and a post that is not
pushed is in the pull set before it is acknowledged.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Final

import structlog
from cachetools import TTLCache

from streams.agents.base import AgentDependencies
from streams.agents.delivery_tasks import task_of
from streams.contracts.events import AuthorTierChanged, Tier
from streams.contracts.ids import MAX_ID, id_time
from streams.projections.tier_policy import (
    MOST_POSTS_PER_HOUR,
    Audience,
    posts_per_hour,
    tier_change,
    tier_of,
)
from streams.views.effects import Effects, PullPost, SetTier, Stamp
from streams.views.rows import TierRow
from streams.views.timeline_cache import Delivery

FOLLOWERS_FRESH_S: Final = 600.0
"""Seconds that a follower count is reused: counting a huge audience takes a while."""

_AUTHORS: Final = 100_000
"""Follower counts kept."""

log = structlog.get_logger(__name__)

Posts = Mapping[int, Sequence[int]]
"""Author -> ids of posts."""


class FanOutMode(StrEnum):
    """Way in which a post reaches its readers."""

    INLINE = "inline"
    """Pushed onto all warm timelines by the posts worker itself."""
    TASKS = "tasks"
    """Pushed onto the first of them by the posts worker, onto the others by delivery tasks."""
    PULLED = "pulled"
    """Left for readers to pull."""


class FanOut:
    """Distributor of the posts of a batch. Safe to repeat."""

    def __init__(self, services: AgentDependencies) -> None:
        self._services = services
        self._counted: TTLCache[int, int] = TTLCache(
            _AUTHORS, FOLLOWERS_FRESH_S, timer=services.clock
        )

    def distribute(self, posts: Posts) -> None:
        """Push durable posts onto timelines, or add them to the pull set.

        Returns when no post can be lost any more: every push is done or sent to the broker as a
        delivery task, and every pulled post is durable as such.

        Args:
            posts: Author -> ids of the author's posts.
        """
        decided = self._services.views.tiers.tiers(posts)
        tiers = {
            author: self._decide_tier(author, posts[author], row) for author, row in decided.items()
        }
        pulled = {author for author, tier in tiers.items() if tier is Tier.CELEBRITY}
        self._pull(_of(pulled, posts))
        rest = self._services.timelines.deliver(
            _of(posts.keys() - pulled, posts), self._services.inline_followers
        )
        # Only an author whose followers take a delivery task can have grown so large.
        grown = {
            author
            for author in {part.author_id for part in rest} - tiers.keys()
            if self._decide_tier(author, posts[author], None) is Tier.CELEBRITY
        }
        self._pull(_of(grown, posts))
        self._send([part for part in rest if part.author_id not in grown])
        self._count(posts, pulled | grown, {part.author_id for part in rest})

    def _count(self, posts: Posts, pulled: Collection[int], left: Collection[int]) -> None:
        modes: Counter[FanOutMode] = Counter()
        for author, ids in posts.items():
            mode = FanOutMode.TASKS if author in left else FanOutMode.INLINE
            modes[FanOutMode.PULLED if author in pulled else mode] += len(ids)
        for mode, count in modes.items():
            self._services.distributed(mode, count)

    def _pull(self, posts: Posts) -> None:
        if posts:
            pulls = [PullPost(author, post) for author, ids in posts.items() for post in ids]
            self._services.sink.apply(Effects(pulls=pulls))
            self._services.pulls.pull(posts)

    def _send(self, rest: Sequence[Delivery]) -> None:
        if rest:
            self._services.send([task_of(part, id_time(part.post_id)) for part in rest])

    def _decide_tier(self, author: int, ids: Sequence[int], row: TierRow | None) -> Tier:
        """Return the author's tier from now on; record a change before it takes effect."""
        post_id = max(ids)
        current = row.tier if row else Tier.REGULAR
        if row and id_time(post_id) <= row.stamp.occurred_at:
            return current  # the posts are not later than the current decision
        audience = self._audience(author, post_id)
        tier = tier_of(audience, current, self._services.tier_limits)
        if tier is not current:
            self._record(tier_change(author, post_id, audience, current, tier))
        return tier

    def _audience(self, author: int, post_id: int) -> Audience:
        views = self._services.views
        before = min(post_id + 1, MAX_ID)
        ids = views.posts.author_posts([author], before, MOST_POSTS_PER_HOUR)[author]
        return Audience(self._followers(author), max(posts_per_hour(ids, post_id), 1))

    def _followers(self, author: int) -> int:
        """Return the author's follower count, counted up to the limit that decides.

        The count is repeated after `FOLLOWERS_FRESH_S`.
        """
        followers = self._counted.get(author)
        if followers is None:
            most = self._services.tier_limits.followers
            followers = self._services.views.graph.follower_count(author, most)
            self._counted[author] = followers
        return followers

    def _record(self, change: AuthorTierChanged) -> None:
        self._services.send([change])
        stamp = Stamp(change.occurred_at, change.event_id)
        self._services.sink.apply(Effects(tiers=[SetTier(change.author_id, stamp, change.tier)]))
        log.info(
            "author_tier_changed",
            author=change.author_id,
            tier=change.tier,
            previous=change.previous_tier,
            followers=change.followers,
            posts_per_hour=change.posts_per_hour,
        )


def _of(authors: Collection[int], posts: Posts) -> Posts:
    return {author: posts[author] for author in authors}
