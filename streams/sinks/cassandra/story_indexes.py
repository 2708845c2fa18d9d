"""Where to find stories: by author, by when they were made; and the archive of one author's."""

from collections.abc import Collection, Mapping, Sequence

from streams.contracts.ids import MAX_ID, first_id_at, last_id_at
from streams.sinks.cassandra.monthly import newest
from streams.sinks.cassandra.months import month_of, months_between
from streams.sinks.cassandra.session import Session

_ACTIVE_STORIES = (
    "SELECT author_id, story_id FROM active_stories "
    "WHERE author_id IN ? AND story_id >= ? AND story_id <= ?"
)
_AUTHOR_STORIES = (
    "SELECT author_id, story_id FROM stories_by_author "
    "WHERE author_id IN ? AND bucket = ? AND story_id >= ? AND story_id <= ?"
)
_BUCKETS = "SELECT bucket FROM story_buckets WHERE author_id = ? AND bucket <= ?"
_NEWEST = (
    "SELECT story_id FROM stories_by_author "
    "WHERE author_id = ? AND bucket = ? AND story_id <= ? ORDER BY story_id DESC LIMIT ?"
)


def newest_stories(session: Session, author: int, before: int | None, limit: int) -> Sequence[int]:
    """The newest `limit` ids below `before` of the author's stories, newest first."""
    last = MAX_ID if before is None else min(before - 1, MAX_ID)
    if limit < 1 or last < 1:
        return []
    buckets = session.rows(_BUCKETS, author, month_of(last))
    return newest(session, [(_NEWEST, (author, *row, last, limit)) for row in buckets], limit)


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
