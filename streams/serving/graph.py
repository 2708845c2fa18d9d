"""Whom a user follows and is followed by."""

from streams.projections.ports import ViewReader
from streams.serving.answers import Graph


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
