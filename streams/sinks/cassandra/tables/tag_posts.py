"""Posts by tag: a tag's months, each in up to 16 parts, so that a hot tag heats no partition."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from streams.contracts.ids import MAX_ID
from streams.sinks.cassandra.cells import INDEX_TIMESTAMP, tag_part
from streams.sinks.cassandra.month_walk import newest
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
    """Yield the rows of pairs of a tag and the id of a post that ever had the tag."""
    parts: set[tuple[str, int, int]] = set()
    for tag, post_id in tagged:
        part = (tag, month_of(post_id), tag_part(post_id))
        parts.add(part)
        yield Write(TAG_POST, (*part, post_id, INDEX_TIMESTAMP))
    for part in parts:
        yield Write(TAG_PART, (*part, INDEX_TIMESTAMP))


def newest_by_tag(session: Session, tag: str, before: int | None, limit: int) -> Sequence[int]:
    """Return the newest `limit` post ids below `before` under the tag, newest first.

    Each month takes one query, of those of its parts that hold anything. Each part returns up to
    `limit` ids, so that the newest of all are exactly the month's.
    """
    last = MAX_ID if before is None else min(before - 1, MAX_ID)
    months = _months(session, tag, last) if limit > 0 and last > 0 else []
    queries = [(_POSTS, (tag, bucket, parts, last, limit)) for bucket, parts in months]
    return newest(session, queries, limit)


def _months(session: Session, tag: str, last: int) -> list[tuple[int, list[int]]]:
    """Return the tag's months up to that of `last`, newest first, each with the parts it has."""
    rows = session.rows(_PARTS, tag, month_of(last))  # in the order of the table
    return [(bucket, [part for _, part in held]) for bucket, held in groupby(rows, itemgetter(0))]
