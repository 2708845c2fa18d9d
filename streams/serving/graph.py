"""Whom a user follows and is followed by, and how the user's posts reach them."""

from streams.contracts.events import Tier
from streams.serving.responses import Graph
from streams.views.store import ViewReader


def graph(views: ViewReader, user: int, *, after: int = 0, limit: int = 20) -> Graph:
    """Counts of both directions, and the first `limit` of each above `after`, ascending."""
    follower_count, following_count = views.follow_counts(user)
    return Graph(
        user_id=user,
        follower_count=follower_count,
        following_count=following_count,
        followers=tuple(views.followers(user, after, limit)),
        following=tuple(views.following(user, after, limit)),
    )


def tier(views: ViewReader, author: int) -> Tier:
    """The author's tier as last decided."""
    decided = views.tiers([author]).get(author)
    return decided.tier if decided else Tier.REGULAR
