"""The home feed: a stored timeline where one is warm, with the posts of those whom readers pull,
and always the durable store below it.

A stored timeline counts only for the very set of followed authors that it was made for, and who is
followed is what the relations say at this read. So a follow, an unfollow or a block shows at once,
whatever became of the cache.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

import structlog

from streams.errors import StoreUnavailableError
from streams.serving.feed.context_loader import FeedContext, opening_of
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.feed.merge import merge_author_posts, union
from streams.serving.feed.warm_timeline import warm_timeline
from streams.serving.posts import DEFAULT_LIMIT, page
from streams.serving.responses import PostPage
from streams.serving.visibility import Viewpoint, post_filter
from streams.views.pull_set import Pulled
from streams.views.rows import PostRow, Relations
from streams.views.store import ViewReader
from streams.views.timeline_cache import Timeline

_log = structlog.get_logger(__name__)


def home_feed(
    views: ViewReader,
    reader: int,
    *,
    before: int | None = None,
    limit: int = DEFAULT_LIMIT,
    hot: FeedCaches | None = None,
) -> PostPage:
    """All visible posts of the reader and of whom the reader follows, newest first.

    `hot` makes it faster and changes no answer. Where the durable store does not answer, the
    page says so (`complete`).
    """
    try:
        opening = _opening(views, reader, hot)
        candidates = _candidates(views, reader, opening, before, hot)
        accepts = _accepts(opening.authors, opening.relations)
        return page(views, candidates, accepts, limit)
    except StoreUnavailableError:
        return PostPage((), None, complete=False, missing=("cassandra",))


def _opening(views: ViewReader, reader: int, hot: FeedCaches | None) -> FeedContext:
    if hot is not None and hot.opener is not None:
        return hot.opener.open(reader)
    relations, timeline = views.relations(reader), None
    if hot is not None:
        with suppress(StoreUnavailableError):  # asking on will tell
            timeline = hot.timelines.read(reader)
    return opening_of(reader, relations, timeline)


def _accepts(authors: frozenset[int], relations: Relations) -> Callable[[PostRow], bool]:
    point = Viewpoint(relations.blocked, relations.muted)
    return post_filter(point, lambda row: row.author_id in authors)


def _candidates(
    views: ViewReader,
    reader: int,
    opening: FeedContext,
    before: int | None,
    hot: FeedCaches | None,
) -> Iterator[int]:
    """Ids below `before` that hold the feed and maybe more, newest first."""
    authors = opening.authors
    warm = _warm(views, reader, opening, hot) if hot else None
    if hot is None or warm is None:
        return merge_author_posts(views.recent_posts, authors, before)
    floor = warm.timeline.floor
    above = union(
        (i for i in warm.timeline.ids if before is None or i < before),
        merge_author_posts(hot.celebrities.posts_of(warm.pulled), warm.pulled, before, above=floor),
    )
    if floor == 0:
        return above
    # At the floor and below the timeline may lack posts.
    rest = floor + 1 if before is None else min(before, floor + 1)
    return chain(above, merge_author_posts(views.recent_posts, authors, rest))


class _Warm(NamedTuple):
    """A timeline, and those of its authors who have posts above its floor that it may lack."""

    timeline: Timeline
    pulled: Mapping[int, Pulled]


def _warm(views: ViewReader, reader: int, opening: FeedContext, hot: FeedCaches) -> _Warm | None:
    """What is hot; None where it cannot serve now, and the durable store must.

    Which authors are pulled is asked after the timeline was read: a post that was not pushed onto
    it is in the pull set before it counts as applied.
    """
    try:
        hot.visits.note(reader)
        timeline = warm_timeline(views, reader, opening, hot)
        if timeline is None:
            return None
        pulled = opening.pulled if timeline is opening.timeline else None
        if pulled is None:
            pulled = hot.celebrities.pulled(opening.authors)
    except StoreUnavailableError as error:
        _log.warning("timelines_unavailable", error=str(error))
        return None
    if pulled is None:
        return None
    lacking = {a: held for a, held in pulled.items() if held.newest > timeline.floor}
    return _Warm(timeline, lacking)
