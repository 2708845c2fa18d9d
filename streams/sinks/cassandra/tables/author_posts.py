"""Posts by author, and the months in which authors wrote."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from streams.contracts.ids import MAX_ID
from streams.sinks.cassandra.cells import INDEX_TIMESTAMP
from streams.sinks.cassandra.months import first_id, month_of
from streams.sinks.cassandra.session import KEYS_PER_QUERY, Session, parts
from streams.sinks.cassandra.writes import Insert, Write
from streams.views.effects import CreatePost
from streams.views.store import Enough, Recent

_AUTHOR_POST = Insert("posts_by_author", ("author_id", "bucket"), ("post_id",))
AUTHOR_BUCKET = Insert("author_buckets", ("author_id",), ("bucket",))
POST_MONTH = Insert("post_months", ("everything",), ("month",))

_LAST_MONTHS: Final = (
    "SELECT month FROM post_months WHERE everything = 0 AND month <= ? ORDER BY month DESC LIMIT ?"
)
_BUCKETS: Final = "SELECT author_id, bucket FROM author_buckets WHERE author_id IN ?"
_POSTS: Final = (
    "SELECT author_id, post_id FROM posts_by_author "
    "WHERE author_id IN ? AND bucket = ? AND post_id <= ? PER PARTITION LIMIT ?"
)


def author_post_rows(posts: Sequence[CreatePost]) -> Iterator[Write]:
    """Yield the rows that list posts under their author, and the months that have any posts."""
    for post in posts:
        bucket = month_of(post.post_id)
        yield Write(_AUTHOR_POST, (post.author_id, bucket, post.post_id, INDEX_TIMESTAMP))
    for author_id, bucket in {(post.author_id, month_of(post.post_id)) for post in posts}:
        yield Write(AUTHOR_BUCKET, (author_id, bucket, INDEX_TIMESTAMP))
    for month in {month_of(post.post_id) for post in posts}:
        yield Write(POST_MONTH, (0, month, INDEX_TIMESTAMP))


def newest_by_author(
    session: Session, authors: Collection[int], before: int | None, limit: int
) -> Mapping[int, Sequence[int]]:
    """Return the newest `limit` post ids below `before` of each author, newest first.

    All authors are queried for the last month in which any author wrote. Only for authors with
    fewer than `limit` posts in it are the months looked up in which they wrote at all.

    Args:
        session: Session to run the queries with.
        authors: Ids of the authors.
        before: Exclusive upper bound of the post ids, `None` for no bound.
        limit: Largest number of ids per author.
    """
    return _newest(session, authors, before, limit, None).ids


def recent_by_author(
    session: Session, authors: Collection[int], before: int | None, limit: int, enough: Enough
) -> Recent:
    """Return the newest post ids of each author, read from no more months than needed.

    The last two months in which any author wrote are read one after the other, and reading ends
    once the posts are `enough`. Otherwise authors with fewer than `limit` posts are queried for
    older months, none before the month of `enough.down_to`.

    Args:
        session: Session to run the queries with.
        authors: Ids of the authors.
        before: Exclusive upper bound of the post ids, `None` for no bound.
        limit: Largest number of ids per author.
        enough: Number of posts of all authors, or lowest id, after which no more are needed.
    """
    return _newest(session, authors, before, limit, enough)


def _newest(
    session: Session,
    authors: Collection[int],
    before: int | None,
    limit: int,
    enough: Enough | None,
) -> Recent:
    newest = MAX_ID if before is None else min(before - 1, MAX_ID)
    found: dict[int, list[int]] = {author: [] for author in authors}
    if limit < 1 or newest < 1:
        return Recent(found)
    short, until = list(found), 0
    for (month,) in list(session.rows(_LAST_MONTHS, month_of(newest), 2 if enough else 1)):
        _add_posts(session, found, {month: short}, newest, limit)
        short = [author for author, ids in found.items() if len(ids) < limit]
        until = first_id(month)
        if not short or (enough and _suffices(found, limit, until, enough)):
            break
    else:
        oldest = month_of(enough.down_to) if enough else 0
        if until:
            months = range(oldest, month_of(until))
            _walk(session, found, _buckets(session, short, months), newest, limit)
        until = first_id(oldest) if oldest else 0
    newest_ids = {author: sorted(ids, reverse=True)[:limit] for author, ids in found.items()}
    return Recent(newest_ids, until if short else 0)


def _suffices(found: Mapping[int, Sequence[int]], limit: int, until: int, enough: Enough) -> bool:
    """Return whether the posts found are enough, of which up to `limit` per author count."""
    count = sum(min(len(ids), limit) for ids in found.values())
    return until <= enough.down_to or count >= enough.posts


def _walk(
    session: Session,
    found: dict[int, list[int]],
    left: dict[int, list[int]],
    newest: int,
    limit: int,
) -> None:
    """Add the posts of the authors' buckets to `found`, newest first, until each author has enough.

    Each round queries twice as many buckets of the authors that still need ids: an author with one
    post a year does not need a round for each month.
    """
    width = 1
    while left:
        requested: dict[int, list[int]] = defaultdict(list)
        for author, buckets in left.items():
            for bucket in buckets[:width]:
                requested[bucket].append(author)
        _add_posts(session, found, requested, newest, limit)
        left = {
            author: buckets[width:]
            for author, buckets in left.items()
            if len(found[author]) < limit and len(buckets) > width
        }
        width *= 2


def _add_posts(
    session: Session,
    found: dict[int, list[int]],
    authors_by_bucket: Mapping[int, Sequence[int]],
    newest: int,
    limit: int,
) -> None:
    """Add the posts of buckets to `found`; the buckets are queried concurrently."""
    queries = (
        (_POSTS, (part, bucket, newest, limit))
        for bucket, authors in authors_by_bucket.items()
        for part in parts(authors, KEYS_PER_QUERY)
    )
    for rows in session.rows_of_all(queries):
        for author, post_id in rows:
            found[author].append(post_id)


def _buckets(session: Session, authors: Collection[int], months: range) -> dict[int, list[int]]:
    """Return each author's buckets among these months, newest first."""
    buckets: dict[int, list[int]] = {}
    for author, bucket in session.rows_in(_BUCKETS, authors):
        if bucket in months:
            buckets.setdefault(author, []).append(bucket)
    return {author: sorted(held, reverse=True) for author, held in buckets.items()}
