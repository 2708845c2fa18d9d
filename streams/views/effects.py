"""Changes that a batch of events makes to the views: plain data, independent of the store.

Effects are idempotent and commute: applying them twice, or in any order, gives the same views. How
a store keeps that promise (timestamps per cell, sets, scripts) is the sink's business.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import NamedTuple

from streams.contracts.events import Tier
from streams.views.story_expiry import Expiry


class Stamp(NamedTuple):
    """The moment of a change for last-writer-wins: the change with the larger stamp wins.

    `ended` is true for the ending event of a pair (Unfollowed, Unliked, Blocked, Muted,
    HighlightRemoved), which wins if two events have equal time and id.
    """

    occurred_at: int
    event_id: int
    ended: bool = False


class Relation(StrEnum):
    """Relations of pairs of users that a user can change."""

    FOLLOW = "follow"
    BLOCK = "block"
    MUTE = "mute"


class CreatePost(NamedTuple):
    """A post exists; of two creates of one id the smaller `event_id` counts.

    `tags` are the normalised keys of `hashtags` (contract section 3), without duplicates.
    """

    post_id: int
    author_id: int
    event_id: int
    text: str
    hashtags: tuple[str, ...]
    tags: tuple[str, ...]
    media: tuple[str, ...]
    reply_to: int | None
    reply_to_author: int | None
    repost_of: int | None
    repost_of_author: int | None


class EditPost(NamedTuple):
    """The post's text, tags and media from `stamp` on, if `author_id` is its author."""

    post_id: int
    author_id: int
    stamp: Stamp
    text: str
    hashtags: tuple[str, ...]
    tags: tuple[str, ...]
    media: tuple[str, ...]


class DeletePost(NamedTuple):
    """The post is permanently deleted, if `author_id` is its author."""

    post_id: int
    author_id: int


class CreateStory(NamedTuple):
    """A story exists; of two creates of one id the smaller `event_id` counts."""

    story_id: int
    author_id: int
    event_id: int
    media_url: str
    caption: str
    expires_at: int


class DeleteStory(NamedTuple):
    """The story is permanently deleted, if `author_id` is its author."""

    story_id: int
    author_id: int


class SetHighlight(NamedTuple):
    """The story is a highlight under `title`, or no more (`stamp.ended`), if the author's own."""

    story_id: int
    author_id: int
    stamp: Stamp
    title: str


class SetRelation(NamedTuple):
    """`user_id` follows, blocks or mutes `target_id`, or no longer does, as of `stamp`.

    `stamp.ended` orders equal stamps; `holds` says whether the relation is in force. They differ in
    meaning: Unfollowed ends a follow, but it is Blocked and Muted that win a tie.
    """

    relation: Relation
    user_id: int
    target_id: int
    stamp: Stamp

    @property
    def holds(self) -> bool:
        """Return whether the relation is in force after this change."""
        return self.stamp.ended is (self.relation is not Relation.FOLLOW)


class SetLike(NamedTuple):
    """`user_id` likes the content, or no longer (`stamp.ended`)."""

    content_id: int
    user_id: int
    stamp: Stamp


class SeeContent(NamedTuple):
    """`viewer_id` (never the owner) saw the content; the earliest `seen_at` (ms) wins.

    `as_story` is true if an event calls the content a story. The id alone decides what the content
    is. The flag lets a store index views by time for stories only: readers list the viewers of
    stories, and of nothing else.
    """

    content_id: int
    viewer_id: int
    seen_at: int
    as_story: bool = False


class CreateComment(NamedTuple):
    """A comment exists; of two creates of one id the smaller `event_id` counts."""

    comment_id: int
    content_id: int
    user_id: int
    owner_id: int
    event_id: int
    text: str
    reply_to: int | None


class DeleteComment(NamedTuple):
    """The comment is permanently deleted, if on this content and `user_id` wrote or owns it."""

    comment_id: int
    content_id: int
    user_id: int


class SetTier(NamedTuple):
    """The tier by which the author's posts reach readers, as of `stamp`."""

    author_id: int
    stamp: Stamp
    tier: Tier


class PullPost(NamedTuple):
    """Readers pull the post; it need not be on their timelines."""

    author_id: int
    post_id: int


@dataclass(slots=True)
class Effects:
    """The effects of one batch, by kind; at most one per key where the kind merges."""

    create_posts: list[CreatePost] = field(default_factory=list)
    edit_posts: list[EditPost] = field(default_factory=list)
    delete_posts: list[DeletePost] = field(default_factory=list)
    create_stories: list[CreateStory] = field(default_factory=list)
    delete_stories: list[DeleteStory] = field(default_factory=list)
    expiries: list[Expiry] = field(default_factory=list)
    """Ends of stories that the log reports."""
    highlights: list[SetHighlight] = field(default_factory=list)
    relations: list[SetRelation] = field(default_factory=list)
    likes: list[SetLike] = field(default_factory=list)
    views: list[SeeContent] = field(default_factory=list)
    create_comments: list[CreateComment] = field(default_factory=list)
    delete_comments: list[DeleteComment] = field(default_factory=list)
    tiers: list[SetTier] = field(default_factory=list)
    pulls: list[PullPost] = field(default_factory=list)
    contested_posts: list[int] = field(default_factory=list)
    """Posts for which another create was known: what they repost may have changed, too."""
    contested_stories: list[int] = field(default_factory=list)
    """Stories for which another create was known: they may be another author's now."""
    contested_comments: list[int] = field(default_factory=list)
    """Comments for which another create was known: they may be on other content now."""

    def __len__(self) -> int:
        return sum(len(getattr(self, kind.name)) for kind in fields(self))
