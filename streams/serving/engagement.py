"""Any content by its id: counts, who likes it, and the thread of comments below it."""

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
from streams.views.counted_members import live_comments, stands
from streams.views.counts import CountKind
from streams.views.rows import Content
from streams.views.store import ViewReader

_CHUNK = 200


class _Live(NamedTuple):
    kind: Content
    owner_id: int


def counts(views: ViewReader, content_id: int) -> Counts:
    """Likes, views, comments and reposts of live content; NotFoundError otherwise.

    Each is a number of members, so no retry or replay can make them drift.
    """
    live = _live(views, content_id)
    tallies = {kind: views.tallies(kind, [content_id])[content_id] for kind in CountKind}
    return Counts(
        content_id=content_id,
        kind=live.kind,
        likes=tallies[CountKind.LIKES].number,
        views=tallies[CountKind.VIEWS].number,
        comments=tallies[CountKind.COMMENTS].number,
        reposts=tallies[CountKind.REPOSTS].number,
        views_estimated=tallies[CountKind.VIEWS].estimated,
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

    Content whose owner is hidden from the viewer is not found. Comments on a story are replies to
    its owner, who sees all of them; anybody else sees only their own.
    """
    point = viewpoint(views, viewer, mutes=False)
    shows = _commenter_filter(_visible(views, content_id, point), viewer, point)
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
    views: ViewReader,
    content_id: int,
    *,
    viewer: int | None = None,
    after: int | None = None,
    limit: int = 20,
) -> UserPage:
    """Who likes live content, ids ascending; a block hides a liker, or the content, from `viewer`.

    Raises NotFoundError as `thread` does.
    """
    point = viewpoint(views, viewer, mutes=False)
    _visible(views, content_id, point)
    return _user_page(filter(point.shows, _likers(views, content_id, after or 0)), limit)


def commenters(
    views: ViewReader,
    content_id: int,
    *,
    viewer: int | None = None,
    after: int | None = None,
    limit: int = 20,
) -> UserPage:
    """Who comments on live content, each once, ids ascending; to `viewer` those whose comments
    `thread` shows. Raises NotFoundError as it does.
    """
    point = viewpoint(views, viewer, mutes=False)
    shows = _commenter_filter(_visible(views, content_id, point), viewer, point)
    return _user_page(filter(shows, _commenters(views, content_id, after or 0)), limit)


def likes(
    views: ViewReader,
    user: int,
    *,
    viewer: int | None = None,
    before: int | None = None,
    limit: int = 20,
) -> LikedPage:
    """Live content that the user likes, newest content first.

    A block hides what is of hidden people from `viewer`, and everything where the user is one.
    """
    point = viewpoint(views, viewer, mutes=False)
    if not point.shows(user):
        return LikedPage((), None)
    ids = newest_first(lambda cursor, count: views.user_likes(user, cursor, count), before)
    found: list[Liked] = []
    while len(found) <= limit and (some := list(islice(ids, limit + 1))):
        live = _all_live(views, some)
        found += [
            Liked(one, live[one].kind, live[one].owner_id)
            for one in some
            if one in live and point.shows(live[one].owner_id)
        ]
    shown = found[:limit]
    return LikedPage(tuple(shown), shown[-1].content_id if len(found) > limit else None)


def _user_page(users: Iterator[int], limit: int) -> UserPage:
    found = tuple(islice(users, limit + 1))
    return UserPage(found[:limit], found[limit - 1] if len(found) > limit else None)


def _commenter_filter(live: _Live, viewer: int | None, point: Viewpoint) -> Callable[[int], bool]:
    """Whose comments the viewer sees: of replies to a story another than its owner sees only the
    own."""
    if live.kind is Content.STORY and viewer not in (None, live.owner_id):
        return lambda user: user == viewer and point.shows(user)
    return point.shows


def _visible(views: ViewReader, content_id: int, point: Viewpoint) -> _Live:
    """Live content, unless its owner is hidden; NotFoundError otherwise."""
    live = _live(views, content_id)
    if not point.shows(live.owner_id):
        raise NotFoundError(content_id)
    return live


def _live(views: ViewReader, content_id: int) -> _Live:
    live = _all_live(views, [content_id]).get(content_id)
    if live is None:
        raise NotFoundError(content_id)
    return live


def _all_live(views: ViewReader, ids: Collection[int]) -> Mapping[int, _Live]:
    """What live content the ids name. The id alone decides, whatever events said of its kind."""
    found = {
        one: _Live(Content.POST, post.author_id)
        for one, post in views.posts(ids).items()
        if not post.deleted
    }
    if rest := [one for one in ids if one not in found]:
        found |= {
            one: _Live(Content.STORY, story.author_id)
            for one, story in views.stories(rest).items()
            if not story.deleted
        }
    if rest := [one for one in rest if one not in found]:
        found |= {
            one: _Live(Content.COMMENT, comment.user_id)
            for one, comment in views.comments(rest).items()
            if not comment.deleted
        }
    return found


def _commenters(views: ViewReader, content_id: int, after: int) -> Iterator[int]:
    """Who has a comment on the content that stands, ids ascending."""
    place, last = (after, MAX_ID), after
    while places := views.content_commenters(content_id, place, _CHUNK):
        rows = views.comments([comment for _, comment in places])
        for user, comment in places:
            row = rows.get(comment)
            if user != last and row and stands(row, content_id) and row.user_id == user:
                yield user
                last = user
        if len(places) < _CHUNK:
            return
        place = places[-1]


def _likers(views: ViewReader, content_id: int, after: int) -> Iterator[int]:
    """Who likes the content, ids ascending."""
    while ids := views.content_likers(content_id, after, _CHUNK):
        yield from ids
        if len(ids) < _CHUNK:
            return
        after = ids[-1]
