"""Posts by id, and reposts by post."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from streams.sinks.cassandra.cells import (
    INDEX_TIMESTAMP,
    decode_state,
    encode_state,
    first_timestamp,
    state_timestamp,
)
from streams.sinks.cassandra.creates import winning_creates
from streams.sinks.cassandra.payloads import Payload, encode_created, payload_of, read_payload
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import Insert, Write
from streams.views.effects import CreatePost, Effects
from streams.views.rows import PostRow

_POST_CREATED = Insert("posts", ("post_id",), ("author_id", "created"))
_POST_EDITED = Insert("posts", ("post_id",), ("author_id", "edited"))
_POST_DELETED = Insert("posts", ("post_id",), ("author_id", "deleted"))
_REPOST = Insert("reposts_by_post", ("post_id",), ("repost_id",))

_POSTS = "SELECT post_id, created, author_id, edited, deleted FROM posts WHERE post_id IN ?"
_REPOSTS = "SELECT repost_id FROM reposts_by_post WHERE post_id = ?"


def post_rows(effects: Effects) -> Iterator[Write]:
    """Yield the rows of created, edited and deleted posts."""
    for post in effects.create_posts:
        cell, at = encode_created(post), first_timestamp(post.event_id)
        yield Write(_POST_CREATED, (post.post_id, post.author_id, cell, at))
    for edit in effects.edit_posts:
        cell, at = encode_state(edit.stamp, payload_of(edit)), state_timestamp(edit.stamp)
        yield Write(_POST_EDITED, (edit.post_id, edit.author_id, cell, at))
    for key in effects.delete_posts:
        yield Write(_POST_DELETED, (*key, True, INDEX_TIMESTAMP))


def repost_rows(posts: Iterable[CreatePost]) -> Iterator[Write]:
    """Yield the rows that list reposts under the post they repeat."""
    for post in posts:
        if post.repost_of is not None:
            yield Write(_REPOST, (post.repost_of, post.post_id, INDEX_TIMESTAMP))


def read_posts(session: Session, ids: Collection[int]) -> Mapping[int, PostRow]:
    """Return the posts that exist, by id."""
    return {
        post_id: _post(post_id, payload, *row[2:])
        for post_id, (payload, row) in winning_creates(session.rows_in(_POSTS, set(ids))).items()
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


def read_reposts(session: Session, post_id: int) -> Sequence[int]:
    """Return the ids of all posts that were created as reposts of this one."""
    return [row[0] for row in session.rows(_REPOSTS, post_id)]
