"""Policy that decides by cost whether an author's posts are pushed or pulled."""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from streams.contracts.events import AuthorTierChanged, Tier
from streams.contracts.ids import MAX_ID, id_time
from streams.contracts.times import HOUR_MS

MOST_POSTS_PER_HOUR: Final = 200
"""Counting stops here: an author who posts more often has the cost of one who posts this often."""


class TierLimits(NamedTuple):
    """Limits from which an author's posts are pulled.

    Cost is followers x posts in the hour before.
    """

    budget: int = 2_000_000
    """Pushes per hour from which an author is pulled."""
    followers: int = 100_000
    """Followers from which an author is pulled, however seldom they post."""
    popular: float = 0.1
    """Share of either limit from which an author is POPULAR: pushed, but cached longer."""
    relax: float = 0.5
    """Share of a tier's entry limit below which an author leaves the tier (hysteresis)."""


class Audience(NamedTuple):
    """An author's followers and posting rate, from which the policy decides."""

    followers: int
    posts_per_hour: int

    @property
    def cost(self) -> int:
        """Pushes per hour."""
        return self.followers * self.posts_per_hour


def tier_of(audience: Audience, current: Tier, limits: TierLimits) -> Tier:
    """Return the tier that the audience calls for, given the current one."""
    for tier, share in ((Tier.CELEBRITY, 1.0), (Tier.POPULAR, limits.popular)):
        factor = share * (limits.relax if _RANK[current] >= _RANK[tier] else 1.0)
        if (
            audience.cost >= limits.budget * factor
            or audience.followers >= limits.followers * factor
        ):
            return tier
    return Tier.REGULAR


def posts_per_hour(ids: Sequence[int], post_id: int) -> int:
    """Return how many of the ids were made in the hour that ends with `post_id`.

    Args:
        ids: An author's newest posts.
    """
    since = id_time(post_id) - HOUR_MS
    return sum(1 for i in ids if i <= post_id and id_time(i) > since)


def tier_change(
    author_id: int, post_id: int, audience: Audience, previous: Tier, tier: Tier
) -> AuthorTierChanged:
    """Return the event of a decision made at a post.

    Its `event_id` is a hash of author, time and tiers, so that writing the event twice makes a
    duplicate.
    """
    occurred_at = id_time(post_id)
    text = f"{author_id} {occurred_at} {previous} {tier}".encode()
    digest = hashlib.blake2b(text, digest_size=8, person=b"AuthorTier").digest()
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
