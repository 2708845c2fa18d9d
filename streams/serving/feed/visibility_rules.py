"""Every rule that keeps a post out of a home feed, by name.

`visibility` decides as quickly as it can and for many posts; this module gives the reason, for one.
It is independent of `visibility` on purpose: `storyline verify` judges what is served by these
rules.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol

from streams.views.rows import PostRow, Relations


class HideReason(StrEnum):
    """Reasons why a post is not in a reader's home feed."""

    UNKNOWN_POST = "unknown_post"
    DELETED = "deleted"
    NOT_FOLLOWED = "not_followed"
    BLOCKED = "blocked"
    MUTED = "muted"
    ORIGINAL_AUTHOR_BLOCKED = "original_author_blocked"
    ORIGINAL_AUTHOR_MUTED = "original_author_muted"


def hiding_rules(row: PostRow | None, reader: int, relations: Relations) -> tuple[HideReason, ...]:
    """Return all rules that hide a post from the reader's home feed; `()` if it belongs there.

    Args:
        row: The post, or `None` if no such post is known.
        relations: The reader's relations.
    """
    return (HideReason.UNKNOWN_POST,) if row is None else tuple(_rules(row, reader, relations))


class Linked(Protocol):
    """A post row, or the event that created it, with its links to other posts."""

    @property
    def reply_to(self) -> int | None: ...
    @property
    def reply_to_author(self) -> int | None: ...
    @property
    def repost_of(self) -> int | None: ...
    @property
    def repost_of_author(self) -> int | None: ...


def original_authors(post: Linked) -> frozenset[int]:
    """Return the authors of the posts that this one reposts or answers, as its event named them."""
    links = ((post.repost_of, post.repost_of_author), (post.reply_to, post.reply_to_author))
    return frozenset(
        author for original, author in links if original is not None and author is not None
    )


def _rules(row: PostRow, reader: int, relations: Relations) -> Iterator[HideReason]:
    if row.deleted:
        yield HideReason.DELETED
    if row.author_id != reader and row.author_id not in relations.following:
        yield HideReason.NOT_FOLLOWED
    if row.author_id in relations.blocked:
        yield HideReason.BLOCKED
    if row.author_id in relations.muted:
        yield HideReason.MUTED
    originals = original_authors(row)
    if originals & relations.blocked:
        yield HideReason.ORIGINAL_AUTHOR_BLOCKED
    if originals & relations.muted:
        yield HideReason.ORIGINAL_AUTHOR_MUTED
