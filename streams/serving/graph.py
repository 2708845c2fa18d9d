"""A user's followers and followed users, and the tier by which the user's posts reach readers."""

from streams.contracts.events import Tier
from streams.serving.responses import Graph
from streams.views.store import GraphReader, TierReader


def graph(reader: GraphReader, user: int, *, after: int = 0, limit: int = 20) -> Graph:
    """Return both counts, and the first `limit` users of each above `after`, ascending."""
    follower_count, following_count = reader.follow_counts(user)
    return Graph(
        user_id=user,
        follower_count=follower_count,
        following_count=following_count,
        followers=tuple(reader.followers(user, after, limit)),
        following=tuple(reader.following(user, after, limit)),
    )


def tier(reader: TierReader, author: int) -> Tier:
    """Return the author's tier as last decided; REGULAR without a decision."""
    decided = reader.tiers([author]).get(author)
    return decided.tier if decided else Tier.REGULAR
