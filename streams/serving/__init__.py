"""The read side: one function per question of the contract, over the ports of the views."""

from streams.serving.engagement import commenters, counts, likers, likes, thread
from streams.serving.feed.home import home_feed
from streams.serving.graph import graph, tier
from streams.serving.posts import author_feed, hashtag_feed
from streams.serving.responses import NotFoundError
from streams.serving.stories import archive, author_stories, highlights, story_viewers, tray
from streams.serving.trending import trending

__all__ = [
    "NotFoundError",
    "archive",
    "author_feed",
    "author_stories",
    "commenters",
    "counts",
    "graph",
    "hashtag_feed",
    "highlights",
    "home_feed",
    "likers",
    "likes",
    "story_viewers",
    "thread",
    "tier",
    "tray",
    "trending",
]
