"""Lifetimes of cached rows, in seconds; docs/concepts/copies.md has the table."""

from typing import Final

from streams.contracts.events import Tier

_HOUR: Final = 3600

CONTENT_TTL_S: Final = {
    Tier.CELEBRITY: 6 * _HOUR,
    Tier.POPULAR: 2 * _HOUR,
    Tier.REGULAR: _HOUR // 2,
}
"""Posts and stories, by their author's tier; a story at most until it ends."""
RELATIONS_TTL_S: Final = 24 * _HOUR
"""A user's follows, blocks and mutes."""
COUNT_TTL_S: Final = 6 * _HOUR
"""Likes, views, comments and reposts of a content."""
SEEN_TTL_S: Final = 2 * _HOUR
"""The stories that a viewer has seen."""
