"""Comparison of one reader's served home feed with the expected feed, page by page."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from itertools import count, pairwise

from streams.serving.responses import Post, PostPage

ReadPage = Callable[[int | None], PostPage]
"""Returns the page of the feed below a cursor."""


class Path(StrEnum):
    """Path by which a page was read."""

    CACHE = "with timelines"
    STORE = "without timelines"


@dataclass(frozen=True, slots=True)
class FeedFault:
    """Faults of a page; false if there are none."""

    missing: tuple[int, ...]
    """Posts of the expected feed between this page's bounds that the page does not have."""
    extra: tuple[int, ...]
    disordered: bool
    """`True` if the posts are not newest first, or a post occurs twice."""
    altered: Mapping[int, tuple[str, ...]]
    """Post id -> the fields that differ."""
    cut: str | None
    """Fault of the page's size or cursor, or `None`."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.disordered or self.altered or self.cut)


@dataclass(frozen=True, slots=True)
class FeedDifference:
    """A page that is not as expected."""

    reader_id: int
    path: Path
    page: int
    """Number of the page, from 1."""
    before: int | None
    """The cursor that the page was requested with."""
    fault: FeedFault


@dataclass(slots=True)
class Walk:
    """Result of reading a feed to its end."""

    pages: int = 0
    posts: int = 0
    differences: list[FeedDifference] = field(default_factory=list)
    unanswered: tuple[str, ...] = ()
    """Sources that did not answer: the walk ended there, and shows nothing about later pages."""


def walk(reader: int, path: Path, read: ReadPage, expected: Sequence[Post], limit: int) -> Walk:
    """Read a feed page by page and compare each page with the expected feed.

    Args:
        reader: User id, for the differences.
        path: Path by which the pages are read, for the differences.
        read: Reads the page below a cursor; `None` is the first page.
        expected: The whole expected feed, newest first.
        limit: Number of posts of a full page.
    """
    done = Walk()
    before: int | None = None
    for number in count(1):
        page = read(before)
        if not page.complete:
            done.unanswered = page.missing
            break
        done.pages, done.posts = number, done.posts + len(page.posts)
        if fault := compare_page(page, before, expected, limit):
            done.differences.append(FeedDifference(reader, path, number, before, fault))
        after = page.next_before
        if after is None or (before is not None and after >= before):
            break
        before = after
    return done


def compare_page(
    page: PostPage, before: int | None, expected: Sequence[Post], limit: int
) -> FeedFault:
    """Compare a page with the part of the expected feed that it claims to be.

    The page's own bounds are used, so that a post that is missing from one page does not make all
    later pages look wrong.

    Args:
        page: The served page.
        before: The cursor that the page was requested with; `None` for the first page.
        expected: The whole expected feed, newest first.
        limit: Number of posts of a full page.
    """
    served = [post.post_id for post in page.posts]
    shown, by_id = set(served), {p.post_id: p for p in _between(expected, page.next_before, before)}
    return FeedFault(
        missing=tuple(post_id for post_id in by_id if post_id not in shown),
        extra=tuple(post_id for post_id in served if post_id not in by_id),
        disordered=any(newer <= older for newer, older in pairwise(served)),
        altered={
            post.post_id: names
            for post in page.posts
            if post.post_id in by_id and (names := _altered(post, by_id[post.post_id]))
        },
        cut=_cut(page, before, limit),
    )


def _between(expected: Sequence[Post], last: int | None, before: int | None) -> Sequence[Post]:
    """Return the posts from just below `before` down to `last`; `None` is the start or the end."""
    start = 0 if before is None else bisect_right(expected, -before, key=_rank)
    end = len(expected) if last is None else bisect_right(expected, -last, key=_rank)
    return expected[start:end]


def _rank(post: Post) -> int:
    return -post.post_id


def _altered(post: Post, expected: Post) -> tuple[str, ...]:
    names = (item.name for item in fields(Post))
    return tuple(name for name in names if getattr(post, name) != getattr(expected, name))


def _cut(page: PostPage, before: int | None, limit: int) -> str | None:
    held, after = len(page.posts), page.next_before
    if held > limit or (after is not None and held < limit):
        return f"it has {held} posts, not {limit}"
    if after is not None and after != page.posts[-1].post_id:
        return f"its cursor is {after}, and its last post {page.posts[-1].post_id}"
    if not held and before is not None:
        return "it is empty, and the page before promised more"
    return None
