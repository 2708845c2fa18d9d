"""Rows of the views as stores return them: current values, deleted content included."""

from enum import StrEnum
from typing import NamedTuple

from streams.contracts.events import Tier
from streams.views.effects import Stamp


class Content(StrEnum):
    """Content that is created under an id of its own."""

    POST = "post"
    STORY = "story"
    COMMENT = "comment"


class PostRow(NamedTuple):
    """The post as it stands: the winning create with its author's last edit."""

    post_id: int
    author_id: int
    text: str
    hashtags: tuple[str, ...]
    tags: tuple[str, ...]
    media: tuple[str, ...]
    reply_to: int | None
    reply_to_author: int | None
    repost_of: int | None
    repost_of_author: int | None
    edited: bool
    deleted: bool


class StoryRow(NamedTuple):
    """The story as it stands; `highlight` is the title while it is a highlight, else None."""

    story_id: int
    author_id: int
    media_url: str
    caption: str
    expires_at: int
    highlight: str | None
    deleted: bool


class CommentRow(NamedTuple):
    """The comment as it stands."""

    comment_id: int
    content_id: int
    user_id: int
    owner_id: int
    text: str
    reply_to: int | None
    deleted: bool


class TierRow(NamedTuple):
    """How an author's posts reach readers, and by which event that was decided."""

    tier: Tier
    stamp: Stamp


class TagUse(NamedTuple):
    """A post that ever bore a tag, and who claims to have written it."""

    tag: str
    author_id: int
    post_id: int


class Viewing(NamedTuple):
    """When somebody first viewed (ms), and who: the larger one is the later, ties by id."""

    seen_at: int
    viewer_id: int


class Relations(NamedTuple):
    """What one user's reads need to know of others.

    `following`: whom the user follows; `blocked`: blocks in force in either direction;
    `muted`: whom the user mutes.
    """

    following: frozenset[int]
    blocked: frozenset[int]
    muted: frozenset[int]
