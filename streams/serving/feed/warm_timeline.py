"""A reader's stored timeline: as it is, made to fit after a follow, or built anew.

The order of steps is what makes it miss nothing: first the reader is registered for delivery with
the authors, and then their posts are read; a post delivered before the registration was durable
before it, too.
"""

from collections.abc import Iterator
from itertools import islice

from streams.caching.metrics import Cache
from streams.contracts.events import Tier
from streams.serving.feed.context_loader import FeedContext, sources_digest
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.feed.merge import merge_author_posts
from streams.views.store import ViewReader
from streams.views.timeline_cache import Timeline


def warm_timeline(
    views: ViewReader, reader: int, opening: FeedContext, hot: FeedCaches
) -> Timeline | None:
    """The reader's timeline of the opening's authors, made if it is another or none; None where
    that fails.

    Of several threads that want one reader's, one makes it. Raises StoreUnavailableError.
    """
    authors, wanted, standing = opening.authors, opening.sources, opening.timeline
    if standing is not None and standing.sources == wanted:
        hot.metrics.count(Cache.TIMELINE, Tier.REGULAR, hits=1)
        return standing
    hot.metrics.count(Cache.TIMELINE, Tier.REGULAR, misses=1)
    with hot.flights.alone(reader):
        held = hot.timelines.read(reader)
        if held is not None and held.sources != wanted:
            _refit(views, reader, held, authors, wanted, hot)
            held = hot.timelines.read(reader)
        if held is not None and held.sources == wanted:
            return held
        return _build(views, reader, authors, wanted, hot)


def _refit(
    views: ViewReader,
    reader: int,
    held: Timeline,
    authors: frozenset[int],
    wanted: bytes,
    hot: FeedCaches,
) -> None:
    """Take in those followed since, whose posts are all that must be read.

    Posts of those no longer followed stay: reading passes over them. Where they are the larger
    part, the timeline is better built anew.
    """
    before = frozenset(hot.timelines.authors(reader))
    if sources_digest(before) != held.sources or 2 * len(before - authors) > len(before):
        return
    added = authors - before
    if not hot.timelines.register(reader, held.token, added):
        return
    posts = merge_author_posts(views.recent_posts, added, None, hot.length + 1, held.floor)
    ids, below = _newest(posts, hot.length)
    hot.timelines.extend(reader, held, ids, max(held.floor, below), authors, wanted)


def _newest(posts: Iterator[int], length: int) -> tuple[list[int], int]:
    """The first `length` posts (newest first), and the next one: complete above that, or 0."""
    ids = list(islice(posts, length + 1))
    return ids[:length], ids[length] if len(ids) > length else 0


def _build(
    views: ViewReader, reader: int, authors: frozenset[int], wanted: bytes, hot: FeedCaches
) -> Timeline | None:
    token = hot.timelines.begin(reader, authors)
    if token is None:
        return None
    posts = merge_author_posts(views.recent_posts, authors, None, hot.length + 1)
    ids, floor = _newest(posts, hot.length)
    if not hot.timelines.install(reader, token, ids, floor, wanted):
        return None
    return Timeline(ids, floor, wanted, token)
