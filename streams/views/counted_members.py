"""Members behind the counts: the users, comments and posts that a count is a number of."""

from collections.abc import Collection, Iterator, Mapping
from heapq import nlargest
from typing import Final

from streams.views.counts import Count, CountKind
from streams.views.rows import CommentRow, Viewing
from streams.views.store import Views

_CHUNK: Final = 200


def counts(views: Views, kind: CountKind, ids: Collection[int]) -> Mapping[int, Count]:
    """Return the count of each content, counted from its members."""
    return {content: Count(_count(views, kind, content)) for content in ids}


def _count(views: Views, kind: CountKind, content_id: int) -> int:
    match kind:
        case CountKind.LIKES:
            return views.engagement.like_count(content_id)
        case CountKind.VIEWS:
            return views.engagement.view_count(content_id)
        case CountKind.COMMENTS | CountKind.REPOSTS:
            return len(members(views, kind, content_id))


def members(views: Views, kind: CountKind, content_id: int) -> Collection[int]:
    """Return the ids that are counted, in any order."""
    match kind:
        case CountKind.LIKES:
            return views.engagement.likers(content_id)
        case CountKind.VIEWS:
            return views.engagement.viewers(content_id).keys()
        case CountKind.COMMENTS:
            return [row.comment_id for row in live_comments(views, content_id, 0)]
        case CountKind.REPOSTS:
            return members_among(views, kind, content_id, views.engagement.reposts(content_id))


def members_among(
    views: Views, kind: CountKind, content_id: int, ids: Collection[int]
) -> Collection[int]:
    """Return which of the ids are counted.

    Args:
        ids: Ids whose events are all applied.
    """
    match kind:
        case CountKind.LIKES:
            return views.engagement.likers_among(content_id, ids)
        case CountKind.VIEWS:
            return ids  # a view is permanent
        case CountKind.COMMENTS:
            rows = views.rows.comments(ids).values()
            return [row.comment_id for row in rows if is_live(row, content_id)]
        case CountKind.REPOSTS:
            posts = views.rows.posts(ids).values()
            return [p.post_id for p in posts if not p.deleted and p.repost_of == content_id]


def live_comments(views: Views, content_id: int, after: int) -> Iterator[CommentRow]:
    """Yield the content's comments that are not deleted, with ids above `after`, oldest first."""
    while ids := views.engagement.content_comments(content_id, after, _CHUNK):
        known = views.rows.comments(ids)
        yield from (known[i] for i in ids if i in known and is_live(known[i], content_id))
        if len(ids) < _CHUNK:
            return
        after = ids[-1]


def is_live(row: CommentRow, content_id: int) -> bool:
    """Return whether the comment is on the content and is not deleted."""
    return not row.deleted and row.content_id == content_id


def latest_viewings(
    viewers: Mapping[int, int], before: Viewing | None, limit: int
) -> list[Viewing]:
    """Return the latest `limit` viewings below `before`, latest first.

    Args:
        viewers: All viewers of a content -> first view time (ms).
        before: Cursor, excluded; `None` for the latest of all.
    """
    views = (Viewing(seen_at, viewer) for viewer, seen_at in viewers.items())
    return nlargest(limit, (view for view in views if before is None or view < before))
