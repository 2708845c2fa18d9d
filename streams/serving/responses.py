"""Answers of reads: plain records, and their JSON form (ids as strings, times as RFC 3339)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from streams.contracts.times import format_time


class NotFoundError(LookupError):
    """There is no such content for this reader. Forbidden and unknown look alike."""


@dataclass(frozen=True, slots=True)
class Post:
    """A post as a reader sees it.

    `reposted` and `replied` are the posts that `repost_of` and `reply_to` name: `None` if there is
    no such post, or it is deleted or unknown.
    """

    post_id: int
    author_id: int
    created_at: int
    text: str
    hashtags: tuple[str, ...]
    media: tuple[str, ...]
    edited: bool
    reply_to: int | None
    repost_of: int | None
    reposted: "Post | None" = None
    replied: "Post | None" = None


@dataclass(frozen=True, slots=True)
class PostPage:
    """Posts, newest first; `next_before` is the cursor of the next page, `None` at the end.

    `complete` is false when sources listed in `missing` did not answer: there may be more posts.
    """

    posts: tuple[Post, ...]
    next_before: int | None
    complete: bool = True
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """A story as a reader sees it; `title` is set if it is shown as a highlight."""

    story_id: int
    author_id: int
    created_at: int
    expires_at: int
    media_url: str
    caption: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class StoryPage:
    """Stories, newest first; `next_before` is the cursor of the next page, `None` at the end."""

    stories: tuple[Story, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class TrayEntry:
    """An author with visible stories."""

    author_id: int
    stories: int
    unseen: int
    newest_story_id: int


@dataclass(frozen=True, slots=True)
class Tray:
    """A reader's story tray at `now` (ms): authors with unseen stories first; own stories apart."""

    now: int
    entries: tuple[TrayEntry, ...]
    own: TrayEntry | None


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user who viewed a story, with the time of the first view, and whether they like it."""

    user_id: int
    first_viewed_at: int
    liked: bool


@dataclass(frozen=True, slots=True)
class ViewerPage:
    """Viewers, latest first; `next_after` is the last viewer of a full page."""

    viewers: tuple[Viewer, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of a post, story or comment.

    A very large number of views may be an estimate with a standard error below 0.3 %; everything
    else is exact.
    """

    content_id: int
    kind: str
    likes: int
    views: int
    comments: int
    reposts: int
    views_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as a reader sees it."""

    comment_id: int
    content_id: int
    user_id: int
    created_at: int
    text: str
    reply_to: int | None


@dataclass(frozen=True, slots=True)
class CommentPage:
    """Comments, oldest first; `next_after` is the cursor of the next page, `None` at the end."""

    comments: tuple[Comment, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class UserPage:
    """Users, ids ascending; `next_after` is the cursor of the next page, `None` at the end."""

    users: tuple[int, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class Liked:
    """Live content that a user likes, and its owner."""

    content_id: int
    kind: str
    owner_id: int


@dataclass(frozen=True, slots=True)
class LikedPage:
    """Liked content, newest first; `next_before` is the next page's cursor, `None` at the end."""

    liked: tuple[Liked, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class TrendingTag:
    """A tag, how many authors have used it in the last day, and its score."""

    tag: str
    authors: int
    score: float


@dataclass(frozen=True, slots=True)
class Graph:
    """A user's followers and followed users: counts, and the first of each, ids ascending."""

    user_id: int
    follower_count: int
    following_count: int
    followers: tuple[int, ...]
    following: tuple[int, ...]


def _is_id(name: str) -> bool:
    return name.endswith("_id") or name in _ID_FIELDS


_ID_FIELDS = frozenset(
    {"reply_to", "repost_of", "next_before", "next_after", "followers", "following", "users"}
)


def to_json(answer: Any) -> Any:
    """Return the JSON form of an answer: ids as strings, times as RFC 3339."""
    if is_dataclass(answer):
        return {f.name: _field(f.name, getattr(answer, f.name)) for f in fields(answer)}
    if isinstance(answer, Mapping):
        return {key: to_json(value) for key, value in answer.items()}
    if isinstance(answer, tuple | list):
        return [to_json(item) for item in answer]
    return answer


def _field(name: str, value: Any) -> Any:
    if value is None:
        return None
    if _is_id(name):
        return [str(item) for item in value] if isinstance(value, tuple) else str(value)
    if name.endswith("_at") or name == "now":
        return format_time(value)
    return to_json(value)
