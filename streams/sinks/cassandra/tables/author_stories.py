"""Indexes of stories by author and time of creation, and the archive of an author's stories."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from streams.contracts.ids import MAX_ID, first_id_at, id_time, last_id_at
from streams.contracts.times import HOUR_MS
from streams.sinks.cassandra.cells import INDEX_TIMESTAMP
from streams.sinks.cassandra.month_walk import newest
from streams.sinks.cassandra.months import month_of, months_between
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import MAX_TTL_S, Insert, Write
from streams.views.effects import CreateStory

ACTIVE_SLACK_MS = HOUR_MS
"""Milliseconds that the active index keeps an entry past the story's end: clocks may differ."""
STORY_BUCKET = Insert("story_buckets", ("author_id",), ("bucket",))
_AUTHOR_STORY = Insert("stories_by_author", ("author_id", "bucket"), ("story_id",))
_ACTIVE_STORY = Insert("active_stories", ("author_id",), ("story_id", "event_id"), expires=True)

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


def story_index_rows(story: CreateStory, now_ms: int) -> Iterator[Write]:
    """Yield the rows that list a story under its author; `now_ms` is the wall clock in ms."""
    key = (story.author_id, month_of(story.story_id), story.story_id)
    yield Write(_AUTHOR_STORY, (*key, INDEX_TIMESTAMP))
    left_ms = story.expires_at + ACTIVE_SLACK_MS - now_ms
    if left_ms > 0:
        entry = (story.author_id, story.story_id, story.event_id)
        created_us = id_time(story.story_id) * 1000
        ttl_s = min(-(-left_ms // 1000), MAX_TTL_S)
        yield Write(_ACTIVE_STORY, (*entry, created_us, ttl_s))


def story_bucket_rows(stories: Iterable[CreateStory]) -> Iterator[Write]:
    """Yield one row for each author and month that has any of the stories."""
    for author_id, bucket in {(s.author_id, month_of(s.story_id)) for s in stories}:
        yield Write(STORY_BUCKET, (author_id, bucket, INDEX_TIMESTAMP))


def newest_stories(session: Session, author: int, before: int | None, limit: int) -> Sequence[int]:
    """Return the newest `limit` ids below `before` of the author's stories, newest first."""
    last = MAX_ID if before is None else min(before - 1, MAX_ID)
    if limit < 1 or last < 1:
        return []
    buckets = session.rows(_BUCKETS, author, month_of(last))
    return newest(session, [(_NEWEST, (author, *row, last, limit)) for row in buckets], limit)


def stories_between(
    session: Session, authors: Collection[int], since: int, until: int, *, active_only: bool
) -> Mapping[int, Sequence[int]]:
    """Return the ids of each author's stories made in [since, until] (ms), oldest first.

    Args:
        session: Session to run the queries with.
        authors: Ids of the authors.
        since: First instant, in milliseconds since the Unix epoch.
        until: Last instant, included.
        active_only: Read the index that drops stories some time after they expire.
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
