"""Members behind the counts: the users, comments and posts that a count is a number of."""

from collections.abc import Collection, Iterator, Mapping
from heapq import nlargest
from typing import Final

from streams.views.counts import Count, CountKind
from streams.views.rows import CommentRow, Viewing
from streams.views.store import ViewReader

_CHUNK: Final = 200


def tallies(views: ViewReader, kind: CountKind, ids: Collection[int]) -> Mapping[int, Count]:
    """Return the count of each content, counted from its members."""
    return {one: Count(_count(views, kind, one)) for one in ids}


def _count(views: ViewReader, kind: CountKind, content_id: int) -> int:
    match kind:
        case CountKind.LIKES:
            return views.like_count(content_id)
        case CountKind.VIEWS:
            return views.view_count(content_id)
        case CountKind.COMMENTS | CountKind.REPOSTS:
            return len(members(views, kind, content_id))


def members(views: ViewReader, kind: CountKind, content_id: int) -> Collection[int]:
    """Return the ids that are counted, in any order."""
    match kind:
        case CountKind.LIKES:
            return views.likers(content_id)
        case CountKind.VIEWS:
            return views.viewers(content_id).keys()
        case CountKind.COMMENTS:
            return [row.comment_id for row in live_comments(views, content_id, 0)]
        case CountKind.REPOSTS:
            return members_among(views, kind, content_id, views.reposts(content_id))


def members_among(
    views: ViewReader, kind: CountKind, content_id: int, ids: Collection[int]
) -> Collection[int]:
    """Return which of the ids are counted.

    Args:
        ids: Ids whose events are all applied.
    """
    match kind:
        case CountKind.LIKES:
            return views.likers_among(content_id, ids)
        case CountKind.VIEWS:
            return ids  # a view is permanent
        case CountKind.COMMENTS:
            rows = views.comments(ids).values()
            return [row.comment_id for row in rows if stands(row, content_id)]
        case CountKind.REPOSTS:
            posts = views.posts(ids).values()
            return [p.post_id for p in posts if not p.deleted and p.repost_of == content_id]


def live_comments(views: ViewReader, content_id: int, after: int) -> Iterator[CommentRow]:
    """Yield the content's comments that are not deleted, with ids above `after`, oldest first."""
    while ids := views.content_comments(content_id, after, _CHUNK):
        known = views.comments(ids)
        yield from (known[i] for i in ids if i in known and stands(known[i], content_id))
        if len(ids) < _CHUNK:
            return
        after = ids[-1]


def stands(row: CommentRow, content_id: int) -> bool:
    """Return whether the comment is on the content and is not deleted."""
    return not row.deleted and row.content_id == content_id


def latest(viewers: Mapping[int, int], before: Viewing | None, limit: int) -> list[Viewing]:
    """Return the latest `limit` viewings below `before`, latest first.

    Args:
        viewers: All viewers of a content -> first view time (ms).
        before: Cursor, excluded; `None` for the latest of all.
    """
    every = (Viewing(seen_at, viewer) for viewer, seen_at in viewers.items())
    return nlargest(limit, (one for one in every if before is None or one < before))
