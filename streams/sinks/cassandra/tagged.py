"""Posts by tag: a tag's months, each in up to 16 parts, so that a hot tag heats no partition."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from streams.contracts.ids import MAX_ID
from streams.sinks.cassandra.cells import INDEX_TIMESTAMP, tag_part
from streams.sinks.cassandra.months import month_of
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import Insert, Write

TAG_POST = Insert("tag_posts", ("tag", "bucket", "part"), ("post_id",))
TAG_PART = Insert("tag_parts", ("tag",), ("bucket", "part"))

_PARTS = "SELECT bucket, part FROM tag_parts WHERE tag = ? AND bucket <= ?"
_POSTS = (
    "SELECT post_id FROM tag_posts "
    "WHERE tag = ? AND bucket = ? AND part IN ? AND post_id <= ? PER PARTITION LIMIT ?"
)


def tag_rows(tagged: Iterable[tuple[str, int]]) -> Iterator[Write]:
    """The rows of tags and ids of posts that ever bore them."""
    parts: set[tuple[str, int, int]] = set()
    for tag, post_id in tagged:
        part = (tag, month_of(post_id), tag_part(post_id))
        parts.add(part)
        yield Write(TAG_POST, (*part, post_id, INDEX_TIMESTAMP))
    for part in parts:
        yield Write(TAG_PART, (*part, INDEX_TIMESTAMP))


def newest_by_tag(session: Session, tag: str, before: int | None, limit: int) -> Sequence[int]:
    """The newest `limit` post ids below `before` under the tag, newest first.

    One question a month, about those parts of it that hold anything: the newest month first, then
    2, 4, … older ones. Each part answers up to `limit` ids, so that their newest are exactly the
    month's.
    """
    newest = MAX_ID if before is None else min(before - 1, MAX_ID)
    found: list[int] = []
    left = _months(session, tag, newest) if limit > 0 and newest > 0 else []
    width = 1
    while left and len(found) < limit:
        questions = (
            (_POSTS, (tag, bucket, parts, newest, limit)) for bucket, parts in left[:width]
        )
        for rows in session.rows_of_all(questions):
            found.extend(post_id for (post_id,) in rows)
        left = left[width:]
        width *= 2
    return sorted(found, reverse=True)[: max(limit, 0)]


def _months(session: Session, tag: str, newest: int) -> list[tuple[int, list[int]]]:
    """The tag's months up to that of the id, newest first, each with the parts that it has."""
    rows = session.rows(_PARTS, tag, month_of(newest))  # in the order of the table
    return [(bucket, [part for _, part in held]) for bucket, held in groupby(rows, itemgetter(0))]
