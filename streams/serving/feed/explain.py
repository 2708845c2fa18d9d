"""Explanation of why a post is in a home feed or not, decided from the current state of the stores.

It takes the steps of `streams.serving.feed.home` for one post: a warm timeline, with the posts of
the pulled authors, answers for ids above its floor, the durable store for all others.
"""

from dataclasses import dataclass
from enum import StrEnum

from streams.errors import StoreUnavailableError
from streams.serving.feed.context_loader import followed_digest
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.feed.visibility_rules import HideReason, hiding_rules
from streams.views.rows import Relations
from streams.views.store import PostReader, Views


class FeedPath(StrEnum):
    """Paths by which a post comes into a feed."""

    OWN = "own"
    """The reader wrote it."""
    PUSH = "push"
    """The post is on the reader's stored timeline."""
    PULL = "pull"
    """The author's posts are pulled, and merged in whenever the feed is read."""
    MERGE = "merge"
    """The post is merged in from the durable store whenever the feed is read."""


class FeedDefect(StrEnum):
    """Defects of the stores that keep a post out of the feed although no rule hides it."""

    NOT_DELIVERED = "not_delivered"
    """The stored timeline should hold the post and does not."""
    NOT_INDEXED = "not_indexed"
    """The post is missing from the durable list of the author's posts."""


class TimelineState(StrEnum):
    """States of a stored timeline: only a warm one can answer."""

    WARM = "warm"
    COLD = "cold"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class TimelineInfo:
    """The reader's stored timeline. It answers above `floor`, which is `None` unless it is warm."""

    state: TimelineState
    floor: int | None = None
    entries: int = 0
    holds_post: bool = False
    pulls_author: bool = False
    """True if the author has pulled posts above the floor: then all of them are merged in."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of why a post is, or is not, in the home feed of `reader_id`.

    `author_id` is `None` if the views know no such post. Exactly one of `path`, `rules` and
    `defect` has a value.
    """

    reader_id: int
    post_id: int
    author_id: int | None
    path: FeedPath | None
    rules: tuple[HideReason, ...]
    defect: FeedDefect | None
    timeline: TimelineInfo
    is_pulled: bool = False
    """True if the post was left to be pulled, so that it need not be on any timeline."""

    @property
    def in_feed(self) -> bool:
        return self.path is not None


def explain(views: Views, caches: FeedCaches, reader: int, post_id: int) -> Explanation:
    """Return what `home_feed` does with the post now.

    Raises:
        StoreUnavailableError: The views do not answer; caches that do not answer raise nothing.
    """
    row = views.rows.posts([post_id]).get(post_id)
    relations = views.rows.relations(reader)
    author = None if row is None else row.author_id
    stored = _stored(caches, reader, relations, author, post_id)
    rules = hiding_rules(row, reader, relations)
    defect = None if rules or author is None else _defect(views.posts, author, post_id, stored)
    path = None if rules or defect else _path(reader, author, post_id, stored)
    is_pulled = post_id in views.tiers.pulled_posts([post_id])
    return Explanation(reader, post_id, author, path, rules, defect, stored, is_pulled)


def _stored(
    caches: FeedCaches, reader: int, relations: Relations, author: int | None, post_id: int
) -> TimelineInfo:
    try:
        timeline = caches.timelines.read(reader)
        digest = followed_digest(relations.following | {reader})
        if timeline is None or timeline.digest != digest:
            return TimelineInfo(TimelineState.COLD)
        pulled = caches.celebrities.pulled([] if author is None else [author])
    except StoreUnavailableError:
        return TimelineInfo(TimelineState.UNAVAILABLE)
    if pulled is None:
        return TimelineInfo(TimelineState.UNAVAILABLE)
    return TimelineInfo(
        TimelineState.WARM,
        timeline.floor,
        len(timeline.ids),
        holds_post=post_id in timeline.ids,
        pulls_author=any(held.newest > timeline.floor for held in pulled.values()),
    )


def _is_above_floor(stored: TimelineInfo, post_id: int) -> bool:
    return stored.floor is not None and post_id > stored.floor


def _defect(
    posts: PostReader, author: int, post_id: int, stored: TimelineInfo
) -> FeedDefect | None:
    if _is_above_floor(stored, post_id):
        return None if stored.holds_post or stored.pulls_author else FeedDefect.NOT_DELIVERED
    listed = posts.author_posts([author], post_id + 1, 1)[author]
    return None if list(listed) == [post_id] else FeedDefect.NOT_INDEXED


def _path(reader: int, author: int | None, post_id: int, stored: TimelineInfo) -> FeedPath:
    if author == reader:
        return FeedPath.OWN
    if not _is_above_floor(stored, post_id):
        return FeedPath.MERGE
    return FeedPath.PUSH if stored.holds_post else FeedPath.PULL
