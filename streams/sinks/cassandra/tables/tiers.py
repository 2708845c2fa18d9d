"""Authors' tiers, and the posts that readers pull."""

from collections.abc import Collection, Iterator, Mapping

from streams.contracts.events import Tier
from streams.sinks.cassandra.cells import (
    AUTHOR_BUCKETS,
    INDEX_TIMESTAMP,
    author_bucket,
    decode_newest,
    decode_state,
    encode_newest,
    encode_state,
    state_timestamp,
)
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import Insert, Write
from streams.views.effects import Effects
from streams.views.rows import TierRow

_TIER = Insert("author_tiers", ("bucket",), ("author_id", "tier"))
_PULLED_AUTHOR = Insert("author_tiers", ("bucket",), ("author_id", "pulled"))
_PULLED_POST = Insert("pulled_posts", ("post_id",), ())

_TIERS = "SELECT author_id, tier FROM author_tiers WHERE bucket = ? AND author_id IN ?"
_PULLED_AUTHORS = "SELECT author_id, pulled FROM author_tiers WHERE bucket IN ?"
_PULLED_POSTS = "SELECT post_id FROM pulled_posts WHERE post_id IN ?"


def tier_rows(effects: Effects) -> Iterator[Write]:
    """Yield the rows of tier decisions, and of posts that are left for readers to pull."""
    for author_id, stamp, tier in effects.tiers:
        cell, at = encode_state(stamp, tier.encode()), state_timestamp(stamp)
        yield Write(_TIER, (author_bucket(author_id), author_id, cell, at))
    for author_id, post_id in effects.pulls:
        yield Write(_PULLED_POST, (post_id, INDEX_TIMESTAMP))
        author = (author_bucket(author_id), author_id)
        yield Write(_PULLED_AUTHOR, (*author, encode_newest(post_id), INDEX_TIMESTAMP))


def read_tiers(session: Session, authors: Collection[int]) -> Mapping[int, TierRow]:
    """Return the tier last decided, by author; authors without a decision are absent."""
    buckets: dict[int, list[int]] = {}
    for author in set(authors):
        buckets.setdefault(author_bucket(author), []).append(author)
    answers = session.rows_of_all((_TIERS, bucket) for bucket in buckets.items())
    return {author: _tier(cell) for rows in answers for author, cell in rows if cell is not None}


def read_pulled_authors(session: Session) -> Mapping[int, int]:
    """Return the newest pulled post of every author who has pulled posts."""
    rows = session.rows_in(_PULLED_AUTHORS, range(AUTHOR_BUCKETS))
    return {author: decode_newest(cell) for author, cell in rows if cell is not None}


def read_pulled_posts(session: Session, ids: Collection[int]) -> frozenset[int]:
    """Return those of the posts that readers pull."""
    return frozenset(row[0] for row in session.rows_in(_PULLED_POSTS, set(ids)))


def _tier(cell: bytes) -> TierRow:
    state = decode_state(cell)
    return TierRow(Tier(state.payload.decode()), state.stamp)
