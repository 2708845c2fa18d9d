"""Where to find content: by author, by when a story was made."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from streams.contracts.ids import MAX_ID, first_id_at, last_id_at
from streams.sinks.cassandra.months import month_of, months_between
from streams.sinks.cassandra.session import KEYS_PER_QUERY, Session, parts

_AUTHOR_BUCKETS = "SELECT author_id, bucket FROM author_buckets WHERE author_id IN ?"
_AUTHOR_POSTS = (
    "SELECT author_id, post_id FROM posts_by_author "
    "WHERE author_id IN ? AND bucket = ? AND post_id <= ? PER PARTITION LIMIT ?"
)
_ACTIVE_STORIES = (
    "SELECT author_id, story_id FROM active_stories "
    "WHERE author_id IN ? AND story_id >= ? AND story_id <= ?"
)
_AUTHOR_STORIES = (
    "SELECT author_id, story_id FROM stories_by_author "
    "WHERE author_id IN ? AND bucket = ? AND story_id >= ? AND story_id <= ?"
)


def newest_by_author(
    session: Session, authors: Collection[int], before: int | None, limit: int
) -> Mapping[int, Sequence[int]]:
    """Per author the newest `limit` post ids below `before`, newest first.

    Walks each author's buckets from the newest on. Each round asks twice as many buckets of those
    that still lack ids: an active author is answered in the first round, one with a post a year
    does not need a round for each month.
    """
    newest = MAX_ID if before is None else min(before - 1, MAX_ID)
    found: dict[int, list[int]] = {author: [] for author in authors}
    if limit < 1 or newest < 1:
        return found
    left = _buckets(session, found, month_of(newest))
    width = 1
    while left:
        asked: dict[int, list[int]] = defaultdict(list)
        for author, buckets in left.items():
            for bucket in buckets[:width]:
                asked[bucket].append(author)
        questions = (
            (_AUTHOR_POSTS, (part, bucket, newest, limit))
            for bucket, holders in asked.items()
            for part in parts(holders, KEYS_PER_QUERY)
        )
        for rows in session.rows_of_all(questions):
            for author, post_id in rows:
                found[author].append(post_id)
        left = {
            author: buckets[width:]
            for author, buckets in left.items()
            if len(found[author]) < limit and len(buckets) > width
        }
        width *= 2
    return {author: sorted(ids, reverse=True)[:limit] for author, ids in found.items()}


def _buckets(session: Session, authors: Collection[int], newest: int) -> dict[int, list[int]]:
    """Per author its buckets up to `newest`, newest first."""
    buckets: dict[int, list[int]] = {}
    for author, bucket in session.rows_in(_AUTHOR_BUCKETS, authors):
        if bucket <= newest:
            buckets.setdefault(author, []).append(bucket)
    return {author: sorted(held, reverse=True) for author, held in buckets.items()}


def stories_between(
    session: Session, authors: Collection[int], since: int, until: int, *, active_only: bool
) -> Mapping[int, Sequence[int]]:
    """Per author the ids of stories made in [since, until] (ms), oldest first.

    `active_only` asks the index that forgets stories some time after they expire.
    """
    found: dict[int, set[int]] = {author: set() for author in authors}
    first, last = first_id_at(since), last_id_at(until)
    if since <= until and last > 0:
        if active_only:
            for author, story_id in session.rows_in(_ACTIVE_STORIES, found, first, last):
                found[author].add(story_id)
        else:
            for bucket in months_between(month_of(first), month_of(last)):
                for author, story_id in session.rows_in(
                    _AUTHOR_STORIES, found, bucket, first, last
                ):
                    found[author].add(story_id)
    return {author: sorted(ids) for author, ids in found.items()}
