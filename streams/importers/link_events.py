"""Events that begin and end the link of a user to a content or to another user."""

from enum import StrEnum

from streams.contracts.events import (
    ContentKind,
    ContentLiked,
    ContentUnliked,
    Event,
    UserBlocked,
    UserFollowed,
    UserUnblocked,
    UserUnfollowed,
)
from streams.importers.mapping import LinkRecord


class LinkKind(StrEnum):
    """Kind of link that a user may begin and end."""

    LIKE = "like"
    FOLLOW = "follow"
    BLOCK = "block"


def link_event(
    kind: LinkKind, at_ms: int, user: int, link: LinkRecord, *, ended: bool = False
) -> Event:
    """Return the event of a user who begins or ends a like, follow or block; its event id is 0."""
    match kind:
        case LinkKind.LIKE:
            like = ContentUnliked if ended else ContentLiked
            return like(
                event_id=0,
                occurred_at=at_ms,
                user_id=user,
                content_kind=ContentKind.POST,
                content_id=link.target,
                owner_id=link.owner,
            )
        case LinkKind.FOLLOW:
            follow = UserUnfollowed if ended else UserFollowed
            return follow(event_id=0, occurred_at=at_ms, follower_id=user, followee_id=link.target)
        case LinkKind.BLOCK:
            block = UserUnblocked if ended else UserBlocked
            return block(event_id=0, occurred_at=at_ms, user_id=user, target_id=link.target)
