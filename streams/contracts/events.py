"""Events of the log as frozen records, named in the past tense.

Ids are positive 63-bit integers; times are milliseconds since the Unix epoch (UTC). The class
name is the Avro record name; the field names are the Avro field names. `avro/v1/*.avsc` says what
each field means.
"""

from dataclasses import dataclass
from enum import StrEnum


class ContentKind(StrEnum):
    """Kind of content that a like, view or comment is about."""

    POST = "POST"
    STORY = "STORY"
    COMMENT = "COMMENT"
    UNKNOWN = "UNKNOWN"  # a symbol of a later schema


class Surface(StrEnum):
    """Place where content was seen."""

    FEED = "FEED"
    PROFILE = "PROFILE"
    STORY_TRAY = "STORY_TRAY"
    HIGHLIGHT = "HIGHLIGHT"
    SEARCH = "SEARCH"
    UNKNOWN = "UNKNOWN"  # a symbol of a later schema


class Tier(StrEnum):
    """Tier of an author, which decides how posts reach readers."""

    REGULAR = "REGULAR"
    POPULAR = "POPULAR"
    CELEBRITY = "CELEBRITY"
    UNKNOWN = "UNKNOWN"  # a symbol of a later schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of every event: its own id and the instant at which it happened."""

    event_id: int
    occurred_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCreated(Event):
    author_id: int
    post_id: int
    text: str
    hashtags: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    reply_to: int | None = None
    reply_to_author: int | None = None
    repost_of: int | None = None
    repost_of_author: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostEdited(Event):
    author_id: int
    post_id: int
    text: str
    hashtags: tuple[str, ...] = ()
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostDeleted(Event):
    author_id: int
    post_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryCreated(Event):
    author_id: int
    story_id: int
    media_url: str
    caption: str
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryDeleted(Event):
    author_id: int
    story_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryExpired(Event):
    author_id: int
    story_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HighlightAdded(Event):
    author_id: int
    story_id: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HighlightRemoved(Event):
    author_id: int
    story_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFollowed(Event):
    follower_id: int
    followee_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUnfollowed(Event):
    follower_id: int
    followee_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserBlocked(Event):
    user_id: int
    target_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUnblocked(Event):
    user_id: int
    target_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMuted(Event):
    user_id: int
    target_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUnmuted(Event):
    user_id: int
    target_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentLiked(Event):
    user_id: int
    content_kind: ContentKind
    content_id: int
    owner_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentUnliked(Event):
    user_id: int
    content_kind: ContentKind
    content_id: int
    owner_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentViewed(Event):
    user_id: int
    content_kind: ContentKind
    content_id: int
    owner_id: int
    surface: Surface
    dwell_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentCreated(Event):
    user_id: int
    comment_id: int
    content_kind: ContentKind
    content_id: int
    owner_id: int
    text: str
    reply_to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentDeleted(Event):
    user_id: int
    comment_id: int
    content_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorTierChanged(Event):
    author_id: int
    tier: Tier
    previous_tier: Tier
    followers: int
    posts_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTask(Event):
    """Internal task: push `post_id` to the warm followers of one shard after `cursor`.

    `cursor` is the last follower id already served, in ascending order of ids (0: none). `event_id`
    is a hash of the other fields but `occurred_at`, so that writing a task twice is a duplicate.
    """

    author_id: int
    post_id: int
    shard: int
    cursor: int


EVENT_TYPES: dict[str, type[Event]] = {
    cls.__name__: cls
    for cls in (
        PostCreated,
        PostEdited,
        PostDeleted,
        StoryCreated,
        StoryDeleted,
        StoryExpired,
        HighlightAdded,
        HighlightRemoved,
        UserFollowed,
        UserUnfollowed,
        UserBlocked,
        UserUnblocked,
        UserMuted,
        UserUnmuted,
        ContentLiked,
        ContentUnliked,
        ContentViewed,
        CommentCreated,
        CommentDeleted,
        AuthorTierChanged,
        DeliveryTask,
    )
}
