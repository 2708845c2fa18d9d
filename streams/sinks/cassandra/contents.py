"""Content by id: of all rows claimed for an id, the one that counts."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from streams.projections.ports import CommentRow, PostRow, StoryRow
from streams.sinks.cassandra.cells import decode_state
from streams.sinks.cassandra.payloads import Payload, decode_created, read_payload
from streams.sinks.cassandra.session import Row, Session

_POSTS = "SELECT post_id, created, author_id, edited, deleted FROM posts WHERE post_id IN ?"
_STORIES = (
    "SELECT story_id, created, author_id, highlight, deleted FROM stories WHERE story_id IN ?"
)
_COMMENTS = (
    "SELECT comment_id, created, content_id, user_id, deleted FROM comments WHERE comment_id IN ?"
)


def read_posts(session: Session, ids: Collection[int]) -> Mapping[int, PostRow]:
    """The posts that exist, by id."""
    return {
        post_id: _post(post_id, payload, *row[2:])
        for post_id, (payload, row) in _standing(session.rows_in(_POSTS, set(ids))).items()
    }


def _post(
    post_id: int, payload: Payload, author_id: int, edited: bytes | None, deleted: bool | None
) -> PostRow:
    shown = payload if edited is None else read_payload(decode_state(edited).payload)
    return PostRow(
        post_id=post_id,
        author_id=author_id,
        text=shown["text"],
        hashtags=tuple(shown.get("hashtags", ())),
        tags=tuple(shown.get("tags", ())),
        media=tuple(shown.get("media", ())),
        reply_to=payload.get("reply_to"),
        reply_to_author=payload.get("reply_to_author"),
        repost_of=payload.get("repost_of"),
        repost_of_author=payload.get("repost_of_author"),
        edited=edited is not None,
        deleted=deleted is True,
    )


def read_stories(session: Session, ids: Collection[int]) -> Mapping[int, StoryRow]:
    """The stories that exist, by id."""
    return {
        story_id: _story(story_id, payload, *row[2:])
        for story_id, (payload, row) in _standing(session.rows_in(_STORIES, set(ids))).items()
    }


def _story(
    story_id: int, payload: Payload, author_id: int, highlight: bytes | None, deleted: bool | None
) -> StoryRow:
    change = None if highlight is None else decode_state(highlight)
    return StoryRow(
        story_id=story_id,
        author_id=author_id,
        media_url=payload["media_url"],
        caption=payload["caption"],
        expires_at=payload["expires_at"],
        highlight=change.payload.decode() if change and not change.stamp.ended else None,
        deleted=deleted is True,
    )


def read_comments(session: Session, ids: Collection[int]) -> Mapping[int, CommentRow]:
    """The comments that exist, by id.

    A deletion counts where it names the comment's own content and comes from who wrote the
    comment or owns that content.
    """
    rows = list(session.rows_in(_COMMENTS, set(ids)))
    deletions = {(row[0], row[2], row[3]) for row in rows if row[4]}
    comments = {}
    for comment_id, (payload, row) in _standing(rows).items():
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


def _standing(rows: Iterable[Row]) -> dict[int, tuple[Payload, Row]]:
    """Per id the create with the smallest event_id, with the row it is in."""
    claims: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row[1] is not None:
            claims[row[0]].append(row)
    # Creates sort as their cells do, which begin with the event_id.
    first = {content_id: min(held, key=lambda row: row[1]) for content_id, held in claims.items()}
    return {i: (decode_created(row[1]).payload, row) for i, row in first.items()}
