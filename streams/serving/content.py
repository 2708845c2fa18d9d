"""Any content by its id: counts, and the thread of comments below it."""

from collections.abc import Iterator
from typing import NamedTuple

from streams.contracts.ids import id_time
from streams.projections.ports import CommentRow, Content, ViewReader
from streams.serving.answers import Comment, CommentPage, Counts, NotFoundError
from streams.serving.visibility import viewpoint

_CHUNK = 200


class _Live(NamedTuple):
    kind: Content
    owner_id: int


def counts(views: ViewReader, content_id: int) -> Counts:
    """Likes, views, comments and reposts of live content; NotFoundError otherwise.

    Counted from membership at every read, so no retry or replay can make them drift.
    """
    live = _live(views, content_id)
    reposts = views.posts(views.reposts(content_id)).values()
    return Counts(
        content_id=content_id,
        kind=live.kind,
        likes=len(views.likers(content_id)),
        views=len(views.viewers(content_id)),
        comments=sum(1 for _ in _comments(views, content_id, 0)),
        reposts=sum(not row.deleted and row.repost_of == content_id for row in reposts),
    )


def thread(
    views: ViewReader,
    content_id: int,
    *,
    viewer: int | None = None,
    after: int | None = None,
    limit: int = 20,
) -> CommentPage:
    """The comments on live content, oldest first; a block hides a commenter from `viewer`.

    Content whose owner is hidden from the viewer is not found.
    """
    point = viewpoint(views, viewer, mutes=False)
    if not point.shows(_live(views, content_id).owner_id):
        raise NotFoundError(content_id)
    found: list[Comment] = []
    for row in _comments(views, content_id, after or 0):
        if not point.shows(row.user_id):
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


def _live(views: ViewReader, content_id: int) -> _Live:
    """What live content the id names. The id alone decides, whatever events said of its kind."""
    post = views.posts([content_id]).get(content_id)
    if post is not None and not post.deleted:
        return _Live(Content.POST, post.author_id)
    story = views.stories([content_id]).get(content_id)
    if story is not None and not story.deleted:
        return _Live(Content.STORY, story.author_id)
    comment = views.comments([content_id]).get(content_id)
    if comment is not None and not comment.deleted:
        return _Live(Content.COMMENT, comment.user_id)
    raise NotFoundError(content_id)


def _comments(views: ViewReader, content_id: int, after: int) -> Iterator[CommentRow]:
    """Live comments on the content, oldest first."""
    while ids := views.content_comments(content_id, after, _CHUNK):
        known = views.comments(ids)
        for comment_id in ids:
            row = known.get(comment_id)
            if row is not None and not row.deleted and row.content_id == content_id:
                yield row
        if len(ids) < _CHUNK:
            return
        after = ids[-1]
