"""Where to find content: by author, by tag, by when a story was made."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from streams.contracts.ids import MAX_ID, first_id_at, last_id_at
from streams.sinks.cassandra.months import month_of, months_between
from streams.sinks.cassandra.session import KEYS_PER_QUERY, Session, parts

_AUTHOR_BUCKETS = "SELECT author_id, bucket FROM author_buckets WHERE author_id IN ?"
_AUTHOR_POSTS = (
    "SELECT author_id, post_id FROM posts_by_author "
    "WHERE author_id IN ? AND bucket = ? AND post_id <= ? PER PARTITION LIMIT ?"
)
_TAG_BUCKETS = "SELECT tag, bucket FROM tag_buckets WHERE tag IN ?"
_TAG_POSTS = (
    "SELECT tag, post_id FROM posts_by_tag "
    "WHERE tag IN ? AND bucket = ? AND post_id <= ? PER PARTITION LIMIT ?"
)
_ACTIVE_STORIES = (
    "SELECT author_id, story_id FROM active_stories "
    "WHERE author_id IN ? AND story_id >= ? AND story_id <= ?"
)
_AUTHOR_STORIES = (
    "SELECT author_id, story_id FROM stories_by_author "
    "WHERE author_id IN ? AND bucket = ? AND story_id >= ? AND story_id <= ?"
)

_Key = TypeVar("_Key", int, str)


def newest_by_author(
    session: Session, authors: Collection[int], before: int | None, limit: int
) -> Mapping[int, Sequence[int]]:
    """Per author the newest `limit` post ids below `before`, newest first."""
    return _newest(session, (_AUTHOR_BUCKETS, _AUTHOR_POSTS), set(authors), before, limit)


def newest_by_tag(session: Session, tag: str, before: int | None, limit: int) -> Sequence[int]:
    """The newest `limit` post ids below `before` under the tag, newest first."""
    return _newest(session, (_TAG_BUCKETS, _TAG_POSTS), {tag}, before, limit)[tag]


def _newest(
    session: Session,
    queries: tuple[str, str],
    keys: Collection[_Key],
    before: int | None,
    limit: int,
) -> Mapping[_Key, Sequence[int]]:
    """Walk each key's buckets from the newest on until it has `limit` ids.

    Each round asks twice as many buckets of those that still lack ids: an active key is answered
    in the first round, one with a post a year does not need a round for each month.
    """
    newest = MAX_ID if before is None else min(before - 1, MAX_ID)
    found: dict[_Key, list[int]] = {key: [] for key in keys}
    if limit < 1 or newest < 1:
        return found
    left = _buckets(session, queries[0], keys, month_of(newest))
    width = 1
    while left:
        asked: dict[int, list[_Key]] = defaultdict(list)
        for key, buckets in left.items():
            for bucket in buckets[:width]:
                asked[bucket].append(key)
        questions = (
            (queries[1], (part, bucket, newest, limit))
            for bucket, holders in asked.items()
            for part in parts(holders, KEYS_PER_QUERY)
        )
        for rows in session.rows_of_all(questions):
            for key, post_id in rows:
                found[key].append(post_id)
        left = {
            key: buckets[width:]
            for key, buckets in left.items()
            if len(found[key]) < limit and len(buckets) > width
        }
        width *= 2
    return {key: sorted(ids, reverse=True)[:limit] for key, ids in found.items()}


def _buckets(
    session: Session, cql: str, keys: Collection[_Key], newest: int
) -> dict[_Key, list[int]]:
    """Per key its buckets up to `newest`, newest first."""
    buckets: dict[_Key, list[int]] = {}
    for key, bucket in session.rows_in(cql, keys):
        if bucket <= newest:
            buckets.setdefault(key, []).append(bucket)
    return {key: sorted(held, reverse=True) for key, held in buckets.items()}


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
