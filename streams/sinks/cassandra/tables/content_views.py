"""Views: the first view of a content by each viewer, and the latest of them in order.

The order costs one more row per view, so it is kept for stories only. The events of views say
whether the content is a story, and an event may be wrong: content with a view that is missing from
the order is marked as untimed, and its views are sorted when they are read.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from streams.sinks.cassandra.cells import (
    INDEX_TIMESTAMP,
    VIEWER_BUCKETS,
    decode_first_seen,
    encode_first_seen,
    first_seen_timestamp,
    viewer_bucket,
)
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import Insert, Write
from streams.views.counted_members import latest_viewings
from streams.views.effects import SeeContent
from streams.views.rows import Viewing

UNTIMED = Insert("untimed_contents", ("content_id",), ())
_VIEW = Insert("views", ("content_id", "bucket"), ("viewer_id", "first_seen"))
_VIEW_TIME = Insert("view_times", ("content_id", "bucket"), ("seen_at", "viewer_id"))

_VIEWERS = "SELECT viewer_id, first_seen FROM views WHERE content_id = ? AND bucket IN ?"
_FEW_VIEWERS = "SELECT viewer_id FROM views WHERE content_id = ? AND bucket IN ? LIMIT ?"
_BUCKET_COUNT = "SELECT COUNT(*) FROM views WHERE content_id = ? AND bucket = ?"
_SOME_VIEWERS = (
    "SELECT viewer_id, first_seen FROM views "
    "WHERE viewer_id IN ? AND content_id = ? AND bucket IN ?"
)
_VIEWED = "SELECT content_id FROM views WHERE content_id IN ? AND bucket = ? AND viewer_id = ?"
_UNTIMED = "SELECT content_id FROM untimed_contents WHERE content_id = ?"
_LATEST = (
    "SELECT seen_at, viewer_id FROM view_times "
    "WHERE content_id = ? AND bucket IN ? PER PARTITION LIMIT ?"
)
_LATEST_BEFORE = (
    "SELECT seen_at, viewer_id FROM view_times WHERE content_id = ? AND bucket IN ? "
    "AND (seen_at, viewer_id) < (?, ?) PER PARTITION LIMIT ?"
)
_EVERY_BUCKET = list(range(VIEWER_BUCKETS))


def view_rows(views: Iterable[SeeContent]) -> Iterator[Write]:
    """Yield the rows that decide who viewed a content, and when first."""
    for content_id, viewer_id, seen_at, _ in views:
        key = (content_id, viewer_bucket(viewer_id), viewer_id)
        yield Write(_VIEW, (*key, encode_first_seen(seen_at), first_seen_timestamp(seen_at)))


def view_time_rows(views: Iterable[SeeContent]) -> Iterator[Write]:
    """Yield the rows of the order of views, and of content with views that have no place in it.

    Write them only once the views are durable.
    """
    untimed: set[int] = set()
    for content_id, viewer_id, seen_at, as_story in views:
        if as_story:
            key = (content_id, viewer_bucket(viewer_id), seen_at, viewer_id)
            yield Write(_VIEW_TIME, (*key, INDEX_TIMESTAMP))
        else:
            untimed.add(content_id)
    for content_id in untimed:
        yield Write(UNTIMED, (content_id, INDEX_TIMESTAMP))


def all_viewers(session: Session, content_id: int) -> Mapping[int, int]:
    """Return the viewers of the content: viewer -> first view time (ms)."""
    rows = session.rows(_VIEWERS, content_id, _EVERY_BUCKET)
    return {viewer: decode_first_seen(cell) for viewer, cell in rows}


def few_viewers(session: Session, content_id: int, most: int) -> Collection[int] | None:
    """Return the viewers of the content, or `None` if there are more than `most`."""
    rows = list(session.rows(_FEW_VIEWERS, content_id, _EVERY_BUCKET, most + 1))
    return None if len(rows) > most else [viewer for (viewer,) in rows]


def count_viewers(session: Session, content_id: int) -> int:
    """Return the number of viewers of the content; each bucket counts its own, concurrently."""
    queries = ((_BUCKET_COUNT, (content_id, bucket)) for bucket in _EVERY_BUCKET)
    return sum(count for ((count,),) in session.rows_of_all(queries))


def first_views(session: Session, content_id: int, viewers: Collection[int]) -> Mapping[int, int]:
    """Return the first view times (ms) of those of `viewers` who viewed the content."""
    buckets = sorted(set(map(viewer_bucket, viewers)))
    rows = session.rows_in(_SOME_VIEWERS, set(viewers), content_id, buckets)
    return {viewer: decode_first_seen(cell) for viewer, cell in rows}


def viewed_by(session: Session, viewer: int, content_ids: Collection[int]) -> frozenset[int]:
    """Return those of the contents that the viewer viewed."""
    rows = session.rows_in(_VIEWED, set(content_ids), viewer_bucket(viewer), viewer)
    return frozenset(content_id for (content_id,) in rows)


def latest_viewers(
    session: Session, content_id: int, before: Viewing | None, limit: int
) -> Sequence[Viewing]:
    """Return the `limit` latest viewers below `before`, latest first.

    Each bucket returns up to `limit` views, so that the latest of all are exactly the content's.
    A view does not count if its viewer has an earlier one; further views are then queried.
    """
    found: list[Viewing] = []
    while len(found) < limit:
        mark = (_UNTIMED, (content_id,))
        untimed, rows = session.rows_of_all((mark, _latest_query(content_id, before, limit)))
        if untimed:
            return [
                *found,
                *latest_viewings(all_viewers(session, content_id), before, limit - len(found)),
            ]
        viewings = sorted((Viewing(*row) for row in rows), reverse=True)[:limit]
        first = first_views(session, content_id, {viewing.viewer_id for viewing in viewings})
        found += [view for view in viewings if first.get(view.viewer_id) == view.seen_at]
        if len(viewings) < limit:
            break
        before = viewings[-1]
    return found[: max(limit, 0)]


def _latest_query(content_id: int, before: Viewing | None, limit: int) -> tuple[str, Sequence[Any]]:
    """Return the query for the latest views of each bucket, and its values."""
    if before is None:
        return _LATEST, (content_id, _EVERY_BUCKET, limit)
    return _LATEST_BEFORE, (content_id, _EVERY_BUCKET, *before, limit)
