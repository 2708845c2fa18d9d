"""The home feed: a stored timeline where one is warm, with the posts of those whom readers pull,
and always the durable store below it.

Relations are read from the durable store at every read, and a stored timeline counts only for
the very set of followed authors that it was built for. So a follow, an unfollow or a block shows
at once, whatever became of the cache.
"""

import heapq
from collections.abc import Callable, Collection, Iterator, Mapping
from hashlib import blake2b
from itertools import chain, islice, takewhile
from typing import NamedTuple

import structlog

from streams.projections.ports import (
    PostRow,
    Pulled,
    Relations,
    StoreUnavailableError,
    Timeline,
    ViewReader,
)
from streams.serving.answers import PostPage
from streams.serving.celebrities import AuthorPosts, HotViews
from streams.serving.posts import DEFAULT_LIMIT, page
from streams.serving.visibility import Viewpoint, post_filter

_CHUNK = 20
_MAX_CHUNK = 1000
_log = structlog.get_logger(__name__)


def home_feed(
    views: ViewReader,
    reader: int,
    *,
    before: int | None = None,
    limit: int = DEFAULT_LIMIT,
    hot: HotViews | None = None,
) -> PostPage:
    """All visible posts of the reader and of whom the reader follows, newest first.

    `hot` makes it faster and changes no answer. Where the durable store does not answer, the
    page says so (`complete`).
    """
    try:
        relations = views.relations(reader)
        authors = relations.following | {reader}
        candidates = _candidates(views, reader, authors, before, hot)
        return page(views, candidates, _accepts(authors, relations), limit)
    except StoreUnavailableError:
        return PostPage((), None, complete=False, missing=("cassandra",))


def _accepts(authors: frozenset[int], relations: Relations) -> Callable[[PostRow], bool]:
    point = Viewpoint(relations.blocked, relations.muted)
    return post_filter(point, lambda row: row.author_id in authors)


def _candidates(
    views: ViewReader,
    reader: int,
    authors: frozenset[int],
    before: int | None,
    hot: HotViews | None,
) -> Iterator[int]:
    """Ids below `before` that hold the feed and maybe more, newest first."""
    warm = _warm(views, reader, authors, hot) if hot else None
    if hot is None or warm is None:
        return merge_author_posts(views.author_posts, authors, before)
    floor = warm.timeline.floor
    above = _union(
        (i for i in warm.timeline.ids if before is None or i < before),
        takewhile(
            lambda i: i > floor,
            merge_author_posts(hot.celebrities.posts_of(warm.pulled), warm.pulled, before),
        ),
    )
    if floor == 0:
        return above
    # At the floor and below the timeline may lack posts.
    rest = floor + 1 if before is None else min(before, floor + 1)
    return chain(above, merge_author_posts(views.author_posts, authors, rest))


class _Warm(NamedTuple):
    """A timeline, and those of its authors who have posts above its floor that it may lack."""

    timeline: Timeline
    pulled: Mapping[int, Pulled]


def _warm(views: ViewReader, reader: int, authors: frozenset[int], hot: HotViews) -> _Warm | None:
    """What is hot; None where it cannot serve now, and the durable store must.

    Which authors are pulled is asked after the timeline was read: a post that was not pushed onto
    it is in the pull set before it counts as applied.
    """
    try:
        timeline = _timeline(views, reader, authors, hot)
        pulled = hot.celebrities.pulled(authors) if timeline else None
    except StoreUnavailableError as error:
        _log.warning("timelines_unavailable", error=str(error))
        return None
    if timeline is None or pulled is None:
        return None
    lacking = {a: held for a, held in pulled.items() if held.newest > timeline.floor}
    return _Warm(timeline, lacking)


def _timeline(
    views: ViewReader, reader: int, authors: frozenset[int], hot: HotViews
) -> Timeline | None:
    """The stored timeline, built if it is cold; None where the cache cannot serve now.

    The order makes a build miss nothing: the reader is registered for delivery first, and then
    the posts are read; a post delivered before the registration was durable before it, too.
    """
    sources, length = sources_digest(authors), hot.length
    timeline = hot.timelines.read(reader, sources)
    if timeline is not None:
        return timeline
    token = hot.timelines.begin(reader, authors)
    if token is None:
        return None
    newest = list(islice(merge_author_posts(views.author_posts, authors, None), length + 1))
    built = Timeline(newest[:length], newest[length] if len(newest) > length else 0)
    installed = hot.timelines.install(reader, token, built.ids, built.floor, sources)
    return built if installed else None


def _union(*sources: Iterator[int]) -> Iterator[int]:
    """Descending ids of all the sources, each once."""
    last = None
    for post_id in heapq.merge(*sources, reverse=True):
        if post_id != last:
            yield post_id
        last = post_id


def sources_digest(authors: Collection[int]) -> bytes:
    """16 bytes that stand for a set of authors."""
    digest = blake2b(digest_size=16)
    for author in sorted(authors):
        digest.update(author.to_bytes(8, "big"))
    return digest.digest()


def merge_author_posts(
    author_posts: AuthorPosts, authors: Collection[int], before: int | None
) -> Iterator[int]:
    """Ids of all the authors' posts below `before`, newest first: a k-way merge.

    An id is given out only when every author who may have a newer one has been asked, so the
    order is exact at any depth. Each author is read in growing chunks.
    """
    sources: dict[int, _Source] = {}
    heads: list[tuple[int, int]] = []  # (-post id, author): the newest unread id of each author

    def fetch(asked: Collection[int], cursor: int | None, chunk: int) -> None:
        for author, ids in author_posts(asked, cursor, chunk).items():
            sources[author] = _Source(iter(ids), chunk, ids[-1] if len(ids) == chunk else None)
            advance(author)

    def advance(author: int) -> None:
        source = sources[author]
        head = next(source.unread, None)
        if head is not None:
            heapq.heappush(heads, (-head, author))
        elif source.cursor is not None:
            fetch([author], source.cursor, min(source.chunk * 2, _MAX_CHUNK))

    fetch(authors, before, _CHUNK)
    last = None
    while heads:
        negative, author = heapq.heappop(heads)
        if negative != last:  # two authors may have claimed one id
            yield -negative
        last = negative
        advance(author)


class _Source(NamedTuple):
    """One author's posts in a merge: those fetched and unread, and where to fetch on."""

    unread: Iterator[int]
    chunk: int
    cursor: int | None
