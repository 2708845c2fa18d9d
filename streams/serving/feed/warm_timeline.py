"""A reader's stored timeline: as it is, refitted after a follow, or rebuilt.

The order of steps ensures that it misses nothing: first the reader is registered for delivery with
the authors, and then their posts are read; a post that was delivered before the registration was
already durable.
"""

from collections.abc import Iterator
from itertools import islice

from streams.caching.metrics import Cache
from streams.contracts.events import Tier
from streams.serving.feed.context_loader import FeedContext, followed_digest
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.feed.merge import merge_author_posts
from streams.views.store import PostReader
from streams.views.timeline_cache import Timeline


def warm_timeline(
    posts: PostReader, reader: int, context: FeedContext, caches: FeedCaches
) -> Timeline | None:
    """Return the reader's timeline for the authors of `context`, refitted or built if needed.

    If several threads need the timeline of one reader, one of them makes it.

    Returns:
        `None` if the timeline could not be stored.

    Raises:
        StoreUnavailableError: A cache or the durable store does not answer.
    """
    authors, digest, timeline = context.authors, context.digest, context.timeline
    if timeline is not None and timeline.digest == digest:
        caches.metrics.count(Cache.TIMELINE, Tier.REGULAR, hits=1)
        return timeline
    caches.metrics.count(Cache.TIMELINE, Tier.REGULAR, misses=1)
    with caches.single_flight.lock(reader):
        held = caches.timelines.read(reader)
        if held is not None and held.digest != digest:
            _refit(posts, reader, held, authors, digest, caches)
            held = caches.timelines.read(reader)
        if held is not None and held.digest == digest:
            return held
        return _build(posts, reader, authors, digest, caches)


def _refit(
    posts: PostReader,
    reader: int,
    held: Timeline,
    authors: frozenset[int],
    digest: bytes,
    caches: FeedCaches,
) -> None:
    """Add the posts of newly followed authors, which are the only posts to read.

    Posts of authors who are no longer followed stay: reads skip them. If these are more than half
    of the authors, leave the timeline to be rebuilt.
    """
    before = frozenset(caches.timelines.authors(reader))
    if followed_digest(before) != held.digest or 2 * len(before - authors) > len(before):
        return
    added = authors - before
    if not caches.timelines.register_reader(reader, held.token, added):
        return
    merged = merge_author_posts(posts.recent_posts, added, None, caches.length + 1, held.floor)
    ids, below = _newest(merged, caches.length)
    caches.timelines.extend(reader, held, ids, max(held.floor, below), authors, digest)


def _newest(posts: Iterator[int], length: int) -> tuple[list[int], int]:
    """Return the first `length` posts (newest first), and the id that they are complete above.

    That is the id of the next post, or 0 if there is none.
    """
    ids = list(islice(posts, length + 1))
    return ids[:length], ids[length] if len(ids) > length else 0


def _build(
    posts: PostReader, reader: int, authors: frozenset[int], digest: bytes, caches: FeedCaches
) -> Timeline | None:
    token = caches.timelines.begin_load(reader, authors)
    if token is None:
        return None
    merged = merge_author_posts(posts.recent_posts, authors, None, caches.length + 1)
    ids, floor = _newest(merged, caches.length)
    if not caches.timelines.complete_load(reader, token, ids, floor, digest):
        return None
    return Timeline(ids, floor, digest, token)
