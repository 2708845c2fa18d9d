"""Lifetimes of cached rows, in seconds; docs/concepts/copies.md has the table."""

from typing import Final

from streams.contracts.events import Tier
from streams.contracts.times import HOUR_S

CONTENT_TTL_S: Final = {
    Tier.CELEBRITY: 6 * HOUR_S,
    Tier.POPULAR: 2 * HOUR_S,
    Tier.REGULAR: HOUR_S // 2,
}
"""Posts and stories, by their author's tier; a story at most until it ends."""
RELATIONS_TTL_S: Final = 24 * HOUR_S
"""A user's follows, blocks and mutes."""
COUNT_TTL_S: Final = 6 * HOUR_S
"""Likes, views, comments and reposts of a content."""
SEEN_TTL_S: Final = 2 * HOUR_S
"""The stories that a viewer has seen."""
