"""Likes, under the content and under the user."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

from streams.contracts.ids import MAX_ID
from streams.sinks.cassandra.cells import encode_state, state_timestamp
from streams.sinks.cassandra.pairs import in_force
from streams.sinks.cassandra.session import KEYS_PER_QUERY, Session, parts
from streams.sinks.cassandra.writes import Insert, Write
from streams.views.effects import SetLike

_LIKES_BY_CONTENT = Insert("likes_by_content", ("content_id",), ("user_id", "state"))
_LIKES_BY_USER = Insert("likes_by_user", ("user_id",), ("content_id", "state"))

_LIKERS = "SELECT user_id, state FROM likes_by_content WHERE content_id = ?"
_SOME_LIKERS = f"{_LIKERS} AND user_id IN ?"
_LIKERS_AFTER = f"{_LIKERS} AND user_id > ?"
_LIKES = (
    "SELECT content_id, state FROM likes_by_user WHERE user_id = ? AND content_id <= ? "
    "ORDER BY content_id DESC"
)


def like_rows(likes: Iterable[SetLike]) -> Iterator[Write]:
    """Yield two rows per like or unlike: one under the content, one under the user."""
    for like in likes:
        cell, at = encode_state(like.stamp), state_timestamp(like.stamp)
        yield Write(_LIKES_BY_CONTENT, (like.content_id, like.user_id, cell, at))
        yield Write(_LIKES_BY_USER, (like.user_id, like.content_id, cell, at))


def read_likers(session: Session, content_id: int) -> frozenset[int]:
    """Return the users who like the content."""
    return frozenset(in_force(session.rows(_LIKERS, content_id)))


def count_likes(session: Session, content_id: int) -> int:
    """Return the number of users who like the content."""
    return sum(1 for _ in in_force(session.rows(_LIKERS, content_id)))


def read_likers_among(session: Session, content_id: int, users: Collection[int]) -> frozenset[int]:
    """Return those of the users who like the content."""
    queries = ((_SOME_LIKERS, (content_id, part)) for part in parts(users, KEYS_PER_QUERY))
    return frozenset(user for rows in session.rows_of_all(queries) for user in in_force(rows))


def read_content_likers(session: Session, content_id: int, after: int, limit: int) -> Sequence[int]:
    """Return up to `limit` users who like the content, with ids above `after`, ascending."""
    likers = in_force(session.rows(_LIKERS_AFTER, content_id, after))
    return list(islice(likers, max(limit, 0)))


def read_user_likes(session: Session, user: int, before: int | None, limit: int) -> Sequence[int]:
    """Return up to `limit` contents that the user likes, with ids below `before`, descending."""
    newest = MAX_ID if before is None else min(before - 1, MAX_ID)
    liked = in_force(session.rows(_LIKES, user, newest))
    return list(islice(liked, max(limit, 0)))
