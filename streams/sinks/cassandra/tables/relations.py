"""Follows, blocks and mutes, each under both users."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from streams.sinks.cassandra.cells import encode_state, state_timestamp
from streams.sinks.cassandra.pairs import ended, in_force
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import Insert, Write
from streams.views.effects import Relation, SetRelation
from streams.views.rows import Relations

_RELATIONS = {
    # one row under the user who acts, one under the target
    Relation.FOLLOW: (
        Insert("following", ("user_id",), ("target_id", "state")),
        Insert("followers", ("target_id",), ("user_id", "state")),
    ),
    Relation.BLOCK: (
        Insert("blocks_by_user", ("user_id",), ("target_id", "state")),
        Insert("blocks_by_target", ("target_id",), ("user_id", "state")),
    ),
    Relation.MUTE: (
        Insert("mutes_by_user", ("user_id",), ("target_id", "state")),
        Insert("mutes_by_target", ("target_id",), ("user_id", "state")),
    ),
}

_FOLLOWING = "SELECT target_id, state FROM following WHERE user_id = ? AND target_id > ?"
_FOLLOWERS = "SELECT user_id, state FROM followers WHERE target_id = ? AND user_id > ?"
_BLOCKS_BY_USER = "SELECT target_id, state FROM blocks_by_user WHERE user_id = ?"
_BLOCKS_BY_TARGET = "SELECT user_id, state FROM blocks_by_target WHERE target_id = ?"
_MUTES_BY_USER = "SELECT target_id, state FROM mutes_by_user WHERE user_id = ?"


def relation_rows(changes: Iterable[SetRelation]) -> Iterator[Write]:
    """Yield two rows per change: one under each user."""
    for change in changes:
        by_user, by_target = _RELATIONS[change.relation]
        cell, at = encode_state(change.stamp), state_timestamp(change.stamp)
        yield Write(by_user, (change.user_id, change.target_id, cell, at))
        yield Write(by_target, (change.target_id, change.user_id, cell, at))


def read_relations(session: Session, user: int) -> Relations:
    """Return the user's follows, blocks in either direction, and mutes."""
    following, blocks, blocked_by, mutes = session.rows_of_all(
        (
            (_FOLLOWING, (user, 0)),
            (_BLOCKS_BY_USER, (user,)),
            (_BLOCKS_BY_TARGET, (user,)),
            (_MUTES_BY_USER, (user,)),
        )
    )
    return Relations(
        following=frozenset(in_force(following)),
        blocked=frozenset(ended([*blocks, *blocked_by])),
        muted=frozenset(ended(mutes)),
    )


def read_following(session: Session, user: int, after: int, limit: int) -> Sequence[int]:
    """Return up to `limit` users that the user follows, with ids above `after`, ascending."""
    return list(islice(in_force(session.rows(_FOLLOWING, user, after)), max(limit, 0)))


def read_followers(session: Session, user: int, after: int, limit: int) -> Sequence[int]:
    """Return up to `limit` followers of the user, with ids above `after`, ascending."""
    return list(islice(in_force(session.rows(_FOLLOWERS, user, after)), max(limit, 0)))


def count_follows(session: Session, user: int) -> tuple[int, int]:
    """Return the numbers of followers and of followed users.

    Reads both partitions page by page: the cost grows with the counts.
    """
    return (
        sum(1 for _ in in_force(session.rows(_FOLLOWERS, user, 0))),
        sum(1 for _ in in_force(session.rows(_FOLLOWING, user, 0))),
    )


def count_followers(session: Session, user: int, most: int) -> int:
    """Return the number of followers; counting ends at `most`."""
    followers = in_force(session.rows(_FOLLOWERS, user, 0))
    return sum(1 for _ in islice(followers, max(most, 0)))
