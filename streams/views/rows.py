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
    """The current state of a post: the winning create with its author's last edit."""

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
    """The current state of a story; `highlight` is its title as a highlight, else `None`."""

    story_id: int
    author_id: int
    media_url: str
    caption: str
    expires_at: int
    highlight: str | None
    deleted: bool


class CommentRow(NamedTuple):
    """The current state of a comment."""

    comment_id: int
    content_id: int
    user_id: int
    owner_id: int
    text: str
    reply_to: int | None
    deleted: bool


class TierRow(NamedTuple):
    """The tier by which an author's posts reach readers, and the stamp of the event that set it."""

    tier: Tier
    stamp: Stamp


class TagUse(NamedTuple):
    """A post that ever had a tag, and the user who claims to have written it."""

    tag: str
    author_id: int
    post_id: int


class Viewing(NamedTuple):
    """A viewer's first view (ms): the larger one is the later; ties are ordered by viewer id."""

    seen_at: int
    viewer_id: int


class Relations(NamedTuple):
    """Relations that decide what one user may read.

    `following`: users that the user follows; `blocked`: users with a block in force in either
    direction; `muted`: users that the user mutes.
    """

    following: frozenset[int]
    blocked: frozenset[int]
    muted: frozenset[int]
