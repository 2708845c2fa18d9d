"""The home feed: a warm stored timeline and pulled posts, with the durable store below it.

A stored timeline serves only the exact set of followed authors that it was made for, and this read
takes that set from the relations. So a follow, an unfollow or a block shows at once, whatever
happened to the cache.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

import structlog

from streams.errors import StoreUnavailableError
from streams.serving.feed.context_loader import FeedContext, feed_context
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.feed.merge import merge_author_posts, union
from streams.serving.feed.warm_timeline import warm_timeline
from streams.serving.posts import DEFAULT_LIMIT, page
from streams.serving.responses import PostPage
from streams.serving.visibility import Viewpoint, post_filter
from streams.views.pull_set import Pulled
from streams.views.rows import PostRow, Relations
from streams.views.store import RowReader, Views
from streams.views.timeline_cache import Timeline

_log = structlog.get_logger(__name__)


def home_feed(
    views: Views,
    reader: int,
    *,
    before: int | None = None,
    limit: int = DEFAULT_LIMIT,
    caches: FeedCaches | None = None,
) -> PostPage:
    """Return a page of the visible posts of the reader and the followed users, newest first.

    Args:
        before: Cursor: return posts with smaller ids.
        limit: Maximum number of posts.
        caches: Caches, which make the read faster and change no answer.

    Returns:
        A page, which is empty and not `complete` if the durable store does not answer.
    """
    try:
        context = _context(views.rows, reader, caches)
        candidates = _candidates(views, reader, context, before, caches)
        accepts = _accepts(context.authors, context.relations)
        return page(views.rows, candidates, accepts, limit)
    except StoreUnavailableError:
        return PostPage((), None, complete=False, missing=("cassandra",))


def _context(rows: RowReader, reader: int, caches: FeedCaches | None) -> FeedContext:
    if caches is not None and caches.context_loader is not None:
        return caches.context_loader.load(reader)
    relations, timeline = rows.relations(reader), None
    if caches is not None:
        with suppress(StoreUnavailableError):  # a later read reports it
            timeline = caches.timelines.read(reader)
    return feed_context(reader, relations, timeline)


def _accepts(authors: frozenset[int], relations: Relations) -> Callable[[PostRow], bool]:
    point = Viewpoint(relations.blocked, relations.muted)
    return post_filter(point, lambda row: row.author_id in authors)


def _candidates(
    views: Views,
    reader: int,
    context: FeedContext,
    before: int | None,
    caches: FeedCaches | None,
) -> Iterator[int]:
    """Return ids below `before`, newest first: all posts of the feed, and maybe others."""
    authors = context.authors
    warm = _warm(views, reader, context, caches) if caches else None
    if caches is None or warm is None:
        return merge_author_posts(views.posts.recent_posts, authors, before)
    floor = warm.timeline.floor
    pulled_posts = caches.celebrities.posts_of(warm.pulled)
    above = union(
        (i for i in warm.timeline.ids if before is None or i < before),
        merge_author_posts(pulled_posts, warm.pulled, before, above=floor),
    )
    if floor == 0:
        return above
    # At and below its floor the timeline may miss posts.
    rest = floor + 1 if before is None else min(before, floor + 1)
    return chain(above, merge_author_posts(views.posts.recent_posts, authors, rest))


class _Warm(NamedTuple):
    """A timeline, and those of its authors who have posts above its floor that it may miss."""

    timeline: Timeline
    pulled: Mapping[int, Pulled]


def _warm(views: Views, reader: int, context: FeedContext, caches: FeedCaches) -> _Warm | None:
    """Return the cached part of the feed; `None` if the durable store must serve instead.

    Pulled authors are read after the timeline: a post that was not pushed onto it is in the pull
    set before it counts as applied.
    """
    try:
        caches.activity.record_read(reader)
        timeline = warm_timeline(views.posts, reader, context, caches)
        if timeline is None:
            return None
        pulled = context.pulled if timeline is context.timeline else None
        if pulled is None:
            pulled = caches.celebrities.pulled(context.authors)
    except StoreUnavailableError as error:
        _log.warning("feed_caches_unavailable", error=str(error))
        return None
    if pulled is None:
        return None
    missed = {a: held for a, held in pulled.items() if held.newest > timeline.floor}
    return _Warm(timeline, missed)
