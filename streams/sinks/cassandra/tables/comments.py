"""Comments by id, by content, and commenters by content."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from streams.sinks.cassandra.cells import INDEX_TIMESTAMP, first_timestamp
from streams.sinks.cassandra.creates import winning_creates
from streams.sinks.cassandra.payloads import encode_created
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import Insert, Write
from streams.views.effects import CreateComment, Effects
from streams.views.rows import CommentRow

_COMMENT_CREATED = Insert("comments", ("comment_id",), ("content_id", "user_id", "created"))
_COMMENT_DELETED = Insert("comments", ("comment_id",), ("content_id", "user_id", "deleted"))
_CONTENT_COMMENT = Insert("comments_by_content", ("content_id",), ("comment_id",))
COMMENTER = Insert("commenters_by_content", ("content_id",), ("user_id", "comment_id"))

_COMMENTS = (
    "SELECT comment_id, created, content_id, user_id, deleted FROM comments WHERE comment_id IN ?"
)
_BY_CONTENT = (
    "SELECT comment_id FROM comments_by_content WHERE content_id = ? AND comment_id > ? LIMIT ?"
)
_COMMENTERS = (
    "SELECT user_id, comment_id FROM commenters_by_content "
    "WHERE content_id = ? AND (user_id, comment_id) > (?, ?) LIMIT ?"
)


def comment_rows(effects: Effects) -> Iterator[Write]:
    """Yield the rows of created and deleted comments."""
    for comment in effects.create_comments:
        key = (comment.comment_id, comment.content_id, comment.user_id)
        cell, at = encode_created(comment), first_timestamp(comment.event_id)
        yield Write(_COMMENT_CREATED, (*key, cell, at))
    for deletion in effects.delete_comments:
        yield Write(_COMMENT_DELETED, (*deletion, True, INDEX_TIMESTAMP))


def comment_index_rows(comments: Iterable[CreateComment]) -> Iterator[Write]:
    """Yield the rows that list comments and commenters under the content."""
    for comment in comments:
        yield Write(_CONTENT_COMMENT, (comment.content_id, comment.comment_id, INDEX_TIMESTAMP))
        place = (comment.content_id, comment.user_id, comment.comment_id)
        yield Write(COMMENTER, (*place, INDEX_TIMESTAMP))


def read_comments(session: Session, ids: Collection[int]) -> Mapping[int, CommentRow]:
    """Return the comments that exist, by id.

    A deletion counts if it names the comment's own content and comes from the user who wrote the
    comment or owns that content.
    """
    rows = list(session.rows_in(_COMMENTS, set(ids)))
    deletions = {(row[0], row[2], row[3]) for row in rows if row[4]}
    comments = {}
    for comment_id, (payload, row) in winning_creates(rows).items():
        content_id, user_id, owner_id = row[2], row[3], payload["owner_id"]
        comments[comment_id] = CommentRow(
            comment_id=comment_id,
            content_id=content_id,
            user_id=user_id,
            owner_id=owner_id,
            text=payload["text"],
            reply_to=payload.get("reply_to"),
            deleted=any((comment_id, content_id, who) in deletions for who in (user_id, owner_id)),
        )
    return comments


def read_content_comments(
    session: Session, content_id: int, after: int, limit: int
) -> Sequence[int]:
    """Return up to `limit` ids of comments ever made on the content, above `after`, ascending."""
    if limit < 1:
        return []
    return [row[0] for row in session.rows(_BY_CONTENT, content_id, after, limit)]


def read_commenters(
    session: Session, content_id: int, after: tuple[int, int], limit: int
) -> Sequence[tuple[int, int]]:
    """Return up to `limit` pairs of commenter and comment id above `after`, ascending."""
    rows = session.rows(_COMMENTERS, content_id, *after, max(limit, 1))
    return [(user, comment) for user, comment in rows][: max(limit, 0)]
