"""Reads of any content by its id: counts, likers, and the thread of comments below it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from streams.contracts.ids import MAX_ID, id_time
from streams.serving.posts import newest_first
from streams.serving.responses import (
    Comment,
    CommentPage,
    Counts,
    Liked,
    LikedPage,
    NotFoundError,
    UserPage,
)
from streams.serving.visibility import Viewpoint, viewpoint
from streams.views.counted_members import is_live, live_comments
from streams.views.counts import CountKind
from streams.views.rows import Content
from streams.views.store import EngagementReader, RowReader, Views

_CHUNK = 200


class _Live(NamedTuple):
    kind: Content
    owner_id: int


def counts(rows: RowReader, content_id: int) -> Counts:
    """Return the likes, views, comments and reposts of live content.

    Each is a number of members, so no retry or replay can make them drift.

    Raises:
        NotFoundError: The content is deleted or unknown.
    """
    live = _live(rows, content_id)
    found = {kind: rows.counts(kind, [content_id])[content_id] for kind in CountKind}
    return Counts(
        content_id=content_id,
        kind=live.kind,
        likes=found[CountKind.LIKES].number,
        views=found[CountKind.VIEWS].number,
        comments=found[CountKind.COMMENTS].number,
        reposts=found[CountKind.REPOSTS].number,
        views_estimated=found[CountKind.VIEWS].estimated,
    )


def thread(
    views: Views,
    content_id: int,
    *,
    viewer: int | None = None,
    after: int | None = None,
    limit: int = 20,
) -> CommentPage:
    """Return a page of the comments on live content, oldest first.

    Comments on a story are replies to its owner, who sees all of them; other viewers see only their
    own.

    Args:
        viewer: Commenters with a block in either direction are hidden from this user.
        after: Cursor: return comments with greater ids.
        limit: Maximum number of comments.

    Raises:
        NotFoundError: The content is deleted or unknown, or its owner is hidden from the viewer.
    """
    point = viewpoint(views.rows, viewer, mutes=False)
    shows = _commenter_filter(_visible(views.rows, content_id, point), viewer, point)
    found: list[Comment] = []
    for row in live_comments(views, content_id, after or 0):
        if not shows(row.user_id):
            continue
        if len(found) == limit:
            return CommentPage(tuple(found), found[-1].comment_id if found else None)
        found.append(
            Comment(
                comment_id=row.comment_id,
                content_id=row.content_id,
                user_id=row.user_id,
                created_at=id_time(row.comment_id),
                text=row.text,
                reply_to=row.reply_to,
            )
        )
    return CommentPage(tuple(found), None)


def likers(
    views: Views,
    content_id: int,
    *,
    viewer: int | None = None,
    after: int | None = None,
    limit: int = 20,
) -> UserPage:
    """Return a page of the users who like live content, ids ascending.

    Args:
        viewer: Likers with a block in either direction are hidden from this user.
        after: Cursor: return users with greater ids.
        limit: Maximum number of users.

    Raises:
        NotFoundError: The content is deleted or unknown, or its owner is hidden from the viewer.
    """
    point = viewpoint(views.rows, viewer, mutes=False)
    _visible(views.rows, content_id, point)
    return _user_page(filter(point.shows, _likers(views.engagement, content_id, after or 0)), limit)


def commenters(
    views: Views,
    content_id: int,
    *,
    viewer: int | None = None,
    after: int | None = None,
    limit: int = 20,
) -> UserPage:
    """Return a page of the users who comment on live content, each once, ids ascending.

    Args:
        viewer: Return only users whose comments `thread` shows to this user.
        after: Cursor: return users with greater ids.
        limit: Maximum number of users.

    Raises:
        NotFoundError: The content is deleted or unknown, or its owner is hidden from the viewer.
    """
    point = viewpoint(views.rows, viewer, mutes=False)
    shows = _commenter_filter(_visible(views.rows, content_id, point), viewer, point)
    return _user_page(filter(shows, _commenters(views, content_id, after or 0)), limit)


def likes(
    views: Views,
    user: int,
    *,
    viewer: int | None = None,
    before: int | None = None,
    limit: int = 20,
) -> LikedPage:
    """Return a page of the live content that the user likes, newest content first.

    Args:
        viewer: Blocks hide from this user the content of blocked users, and everything if `user` is
            one of them.
        before: Cursor: return content with smaller ids.
        limit: Maximum number of contents.
    """
    point = viewpoint(views.rows, viewer, mutes=False)
    if not point.shows(user):
        return LikedPage((), None)
    ids = newest_first(
        lambda cursor, count: views.engagement.user_likes(user, cursor, count), before
    )
    found: list[Liked] = []
    while len(found) <= limit and (chunk := list(islice(ids, limit + 1))):
        live = _all_live(views.rows, chunk)
        found += [
            Liked(content, live[content].kind, live[content].owner_id)
            for content in chunk
            if content in live and point.shows(live[content].owner_id)
        ]
    shown = found[:limit]
    return LikedPage(tuple(shown), shown[-1].content_id if len(found) > limit else None)


def _user_page(users: Iterator[int], limit: int) -> UserPage:
    found = tuple(islice(users, limit + 1))
    return UserPage(found[:limit], found[limit - 1] if len(found) > limit else None)


def _commenter_filter(live: _Live, viewer: int | None, point: Viewpoint) -> Callable[[int], bool]:
    """Return a filter of the commenters whose comments the viewer sees.

    Of the replies to a story, a viewer other than its owner sees only their own.
    """
    if live.kind is Content.STORY and viewer not in (None, live.owner_id):
        return lambda user: user == viewer and point.shows(user)
    return point.shows


def _visible(rows: RowReader, content_id: int, point: Viewpoint) -> _Live:
    """Return live content; raise `NotFoundError` if there is none or its owner is hidden."""
    live = _live(rows, content_id)
    if not point.shows(live.owner_id):
        raise NotFoundError(content_id)
    return live


def _live(rows: RowReader, content_id: int) -> _Live:
    live = _all_live(rows, [content_id]).get(content_id)
    if live is None:
        raise NotFoundError(content_id)
    return live


def _all_live(rows: RowReader, ids: Collection[int]) -> Mapping[int, _Live]:
    """Return the live content that the ids name.

    The id alone decides the kind, whatever kind events claimed.
    """
    found = {
        content: _Live(Content.POST, post.author_id)
        for content, post in rows.posts(ids).items()
        if not post.deleted
    }
    if rest := [i for i in ids if i not in found]:
        found |= {
            content: _Live(Content.STORY, story.author_id)
            for content, story in rows.stories(rest).items()
            if not story.deleted
        }
    if rest := [i for i in rest if i not in found]:
        found |= {
            content: _Live(Content.COMMENT, comment.user_id)
            for content, comment in rows.comments(rest).items()
            if not comment.deleted
        }
    return found


def _commenters(views: Views, content_id: int, after: int) -> Iterator[int]:
    """Yield the users who have an undeleted comment on the content, ids ascending."""
    cursor, last = (after, MAX_ID), after
    while pairs := views.engagement.content_commenters(content_id, cursor, _CHUNK):
        rows = views.rows.comments([comment for _, comment in pairs])
        for user, comment in pairs:
            row = rows.get(comment)
            if user != last and row and is_live(row, content_id) and row.user_id == user:
                yield user
                last = user
        if len(pairs) < _CHUNK:
            return
        cursor = pairs[-1]


def _likers(engagement: EngagementReader, content_id: int, after: int) -> Iterator[int]:
    """Yield the users who like the content, ids ascending."""
    while ids := engagement.content_likers(content_id, after, _CHUNK):
        yield from ids
        if len(ids) < _CHUNK:
            return
        after = ids[-1]
