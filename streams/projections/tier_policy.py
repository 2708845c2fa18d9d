"""Whether an author's posts are pushed to followers or pulled by readers: the cost decides."""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from streams.contracts.events import AuthorTierChanged, Tier
from streams.contracts.ids import MAX_ID, id_time

HOUR_MS: Final = 3_600_000
MOST_POSTS_PER_HOUR: Final = 200
"""Counting ends here: whoever posts more often costs as much as one who posts so often."""


class TierLimits(NamedTuple):
    """From what cost on posts are pulled. Cost is followers x posts in the hour before."""

    budget: int = 2_000_000
    """Pushes an hour that one author may cause."""
    followers: int = 100_000
    """An author of so many is pulled, however seldom there is a post."""
    popular: float = 0.1
    """The share of either limit from which on an author is POPULAR: pushed, but cached longer."""
    relax: float = 0.5
    """A tier is left only below this share of what it takes to enter it (hysteresis)."""


class Audience(NamedTuple):
    """What a decision looks at."""

    followers: int
    posts_per_hour: int

    @property
    def cost(self) -> int:
        """Pushes an hour."""
        return self.followers * self.posts_per_hour


def tier_of(audience: Audience, current: Tier, limits: TierLimits) -> Tier:
    """The tier that the audience asks for, given the one that stands."""
    for tier, share in ((Tier.CELEBRITY, 1.0), (Tier.POPULAR, limits.popular)):
        factor = share * (limits.relax if _RANK[current] >= _RANK[tier] else 1.0)
        if (
            audience.cost >= limits.budget * factor
            or audience.followers >= limits.followers * factor
        ):
            return tier
    return Tier.REGULAR


def posts_per_hour(ids: Sequence[int], post_id: int) -> int:
    """How many of an author's newest posts were made in the hour that ends with `post_id`."""
    since = id_time(post_id) - HOUR_MS
    return sum(1 for i in ids if i <= post_id and id_time(i) > since)


def tier_change(
    author_id: int, post_id: int, audience: Audience, previous: Tier, tier: Tier
) -> AuthorTierChanged:
    """The event of a decision made at a post.

    Its `event_id` is a hash of author, time and tiers, so that to write it twice is a duplicate.
    """
    occurred_at = id_time(post_id)
    told = f"{author_id} {occurred_at} {previous} {tier}".encode()
    digest = hashlib.blake2b(told, digest_size=8, person=b"AuthorTier").digest()
    return AuthorTierChanged(
        event_id=int.from_bytes(digest, "big") & MAX_ID or 1,
        occurred_at=occurred_at,
        author_id=author_id,
        tier=tier,
        previous_tier=previous,
        followers=audience.followers,
        posts_per_hour=float(audience.posts_per_hour),
    )


_RANK: Final = {Tier.REGULAR: 0, Tier.POPULAR: 1, Tier.CELEBRITY: 2, Tier.UNKNOWN: 0}
