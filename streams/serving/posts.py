"""Feeds of posts: an author's, a hashtag's, and the paging that all feeds share."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from streams.contracts.ids import id_time
from streams.contracts.tags import tag_key
from streams.serving.responses import Post, PostPage
from streams.serving.visibility import post_filter, viewpoint
from streams.views.rows import PostRow
from streams.views.store import RowReader, Views

DEFAULT_LIMIT = 20
_LOOK_AHEAD = 8
_CHUNK = 50
_MAX_CHUNK = 1000


def author_feed(
    views: Views,
    author: int,
    *,
    viewer: int | None = None,
    before: int | None = None,
    limit: int = DEFAULT_LIMIT,
) -> PostPage:
    """Return a page of the author's posts, newest first.

    Args:
        viewer: Blocks hide posts from this user; mutes do not.
        before: Cursor: return posts with smaller ids.
        limit: Maximum number of posts.
    """
    point = viewpoint(views.rows, viewer, mutes=False)
    accepts = post_filter(point, lambda row: row.author_id == author)
    candidates = newest_first(
        lambda cursor, count: views.posts.author_posts([author], cursor, count)[author], before
    )
    return page(views.rows, candidates, accepts, limit)


def hashtag_feed(
    views: Views,
    tag: str,
    *,
    viewer: int | None = None,
    before: int | None = None,
    limit: int = DEFAULT_LIMIT,
) -> PostPage:
    """Return a page of the posts that have the tag now, newest first.

    Args:
        viewer: Blocks and mutes hide posts from this user.
        before: Cursor: return posts with smaller ids.
        limit: Maximum number of posts.
    """
    key = tag_key(tag)
    if not key:
        return PostPage((), None)
    point = viewpoint(views.rows, viewer, mutes=True)
    accepts = post_filter(point, lambda row: key in row.tags)
    candidates = newest_first(
        lambda cursor, count: views.posts.tag_posts(key, cursor, count), before
    )
    return page(views.rows, candidates, accepts, limit)


def newest_first(
    fetch: Callable[[int | None, int], Iterable[int]], before: int | None
) -> Iterator[int]:
    """Yield all ids of an index below `before`, newest first, fetched in growing chunks.

    Args:
        fetch: Returns the newest ids below a cursor, at most as many as its second argument.
        before: The first cursor; `None` starts at the newest id.
    """
    cursor, chunk = before, _CHUNK
    while ids := list(fetch(cursor, chunk)):
        yield from ids
        if len(ids) < chunk:
            return
        cursor = ids[-1]
        chunk = min(chunk * 2, _MAX_CHUNK)


def page(
    reader: RowReader,
    candidates: Iterator[int],
    accepts: Callable[[PostRow], bool],
    limit: int,
) -> PostPage:
    """Return a page of the first `limit` candidates that `accepts` passes.

    A page is full unless the feed has ended: hidden posts are skipped, not counted.

    Args:
        candidates: Ids, newest first.
    """
    found: list[PostRow] = []
    while len(found) <= limit:
        ids = list(islice(candidates, limit + 1 - len(found) + _LOOK_AHEAD))
        if not ids:
            break
        rows = reader.posts(ids)
        found.extend(row for i in ids if (row := rows.get(i)) is not None and accepts(row))
    shown = found[:limit]
    more = len(found) > limit
    return PostPage(hydrate(reader, shown), shown[-1].post_id if more and shown else None)


def hydrate(reader: RowReader, rows: Iterable[PostRow]) -> tuple[Post, ...]:
    """Return rows as readers see them, each with the live original it reposts or answers."""
    rows = list(rows)
    originals = {i for row in rows for i in (row.repost_of, row.reply_to) if i is not None}
    known = reader.posts(originals) if originals else {}
    shown: dict[int | None, Post] = {
        i: _post(row, {}) for i, row in known.items() if not row.deleted
    }
    return tuple(_post(row, shown) for row in rows)


def _post(row: PostRow, originals: Mapping[int | None, Post]) -> Post:
    return Post(
        post_id=row.post_id,
        author_id=row.author_id,
        created_at=id_time(row.post_id),
        text=row.text,
        hashtags=row.hashtags,
        media=row.media,
        edited=row.edited,
        reply_to=row.reply_to,
        repost_of=row.repost_of,
        reposted=originals.get(row.repost_of),
        replied=originals.get(row.reply_to),
    )
