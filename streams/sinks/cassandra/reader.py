"""The views as Cassandra holds them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from streams.contracts.events import Tier
from streams.contracts.ids import MAX_ID
from streams.projections.current import current_stories
from streams.projections.members import tallies
from streams.projections.ports import (
    CommentRow,
    Enough,
    PostRow,
    Recent,
    Relations,
    StoryRow,
    TagUse,
    TierRow,
    Viewing,
)
from streams.projections.tallies import Count, Tally
from streams.sinks.cassandra.authored import newest_by_author, recent_by_author
from streams.sinks.cassandra.cells import (
    AUTHOR_BUCKETS,
    author_bucket,
    decode_newest,
    decode_state,
    has_ended,
)
from streams.sinks.cassandra.contents import read_comments, read_posts, read_stories
from streams.sinks.cassandra.session import KEYS_PER_QUERY, Row, Session, parts
from streams.sinks.cassandra.sink import Clock, wall_clock_ms
from streams.sinks.cassandra.story_indexes import newest_stories, stories_between
from streams.sinks.cassandra.tag_uses import uses_between
from streams.sinks.cassandra.tagged import newest_by_tag
from streams.sinks.cassandra.viewings import (
    all_viewers,
    count_viewers,
    few_viewers,
    first_views,
    latest_viewers,
    viewed_by,
)

_REPOSTS = "SELECT repost_id FROM reposts_by_post WHERE post_id = ?"
_HIGHLIGHTS = "SELECT story_id FROM highlights_by_author WHERE author_id = ?"
_FOLLOWING = "SELECT target_id, state FROM following WHERE user_id = ? AND target_id > ?"
_FOLLOWERS = "SELECT user_id, state FROM followers WHERE target_id = ? AND user_id > ?"
_BLOCKS_BY_USER = "SELECT target_id, state FROM blocks_by_user WHERE user_id = ?"
_BLOCKS_BY_TARGET = "SELECT user_id, state FROM blocks_by_target WHERE target_id = ?"
_MUTES_BY_USER = "SELECT target_id, state FROM mutes_by_user WHERE user_id = ?"
_LIKERS = "SELECT user_id, state FROM likes_by_content WHERE content_id = ?"
_SOME_LIKERS = f"{_LIKERS} AND user_id IN ?"
_LIKERS_AFTER = f"{_LIKERS} AND user_id > ?"
_LIKES = (
    "SELECT content_id, state FROM likes_by_user WHERE user_id = ? AND content_id <= ? "
    "ORDER BY content_id DESC"
)
_COMMENTS = (
    "SELECT comment_id FROM comments_by_content WHERE content_id = ? AND comment_id > ? LIMIT ?"
)
_COMMENTERS = (
    "SELECT user_id, comment_id FROM commenters_by_content "
    "WHERE content_id = ? AND (user_id, comment_id) > (?, ?) LIMIT ?"
)
_TIERS = "SELECT author_id, tier FROM author_tiers WHERE bucket = ? AND author_id IN ?"
_PULLED_AUTHORS = "SELECT author_id, pulled FROM author_tiers WHERE bucket IN ?"
_PULLED_POSTS = "SELECT post_id FROM pulled_posts WHERE post_id IN ?"


class CassandraReader:
    """A ViewReader over Cassandra; safe between threads.

    `clock` gives the wall clock in ms: a question about a moment that lies before it is answered
    from rows that never expire.
    """

    def __init__(self, session: Session, *, clock: Clock = wall_clock_ms) -> None:
        self._session = session
        self._clock = clock

    def posts(self, ids: Collection[int]) -> Mapping[int, PostRow]:
        return read_posts(self._session, ids)

    def stories(self, ids: Collection[int]) -> Mapping[int, StoryRow]:
        return read_stories(self._session, ids)

    def comments(self, ids: Collection[int]) -> Mapping[int, CommentRow]:
        return read_comments(self._session, ids)

    def author_posts(
        self, authors: Collection[int], before: int | None, limit: int
    ) -> Mapping[int, Sequence[int]]:
        return newest_by_author(self._session, authors, before, limit)

    def recent_posts(
        self, authors: Collection[int], before: int | None, limit: int, enough: Enough
    ) -> Recent:
        return recent_by_author(self._session, authors, before, limit, enough)

    def tag_posts(self, tag: str, before: int | None, limit: int) -> Sequence[int]:
        return newest_by_tag(self._session, tag, before, limit)

    def tag_uses(self, since: int, until: int) -> Iterable[TagUse]:
        return uses_between(self._session, since, until, self._clock())

    def reposts(self, post_id: int) -> Sequence[int]:
        return [row[0] for row in self._session.rows(_REPOSTS, post_id)]

    def author_stories(
        self, authors: Collection[int], since: int, until: int, now: int
    ) -> Mapping[int, Sequence[int]]:
        active_only = now >= self._clock()
        return stories_between(self._session, authors, since, until, active_only=active_only)

    def current_stories(
        self, authors: Collection[int], now: int
    ) -> Mapping[int, Sequence[StoryRow]]:
        return current_stories(self, authors, now, until=now)

    def stories_by(self, author: int, before: int | None, limit: int) -> Sequence[int]:
        return newest_stories(self._session, author, before, limit)

    def highlights(self, author: int) -> Sequence[int]:
        return [row[0] for row in self._session.rows(_HIGHLIGHTS, author)]

    def relations(self, user: int) -> Relations:
        following, blocks, blocked_by, mutes = self._session.rows_of_all(
            (
                (_FOLLOWING, (user, 0)),
                (_BLOCKS_BY_USER, (user,)),
                (_BLOCKS_BY_TARGET, (user,)),
                (_MUTES_BY_USER, (user,)),
            )
        )
        return Relations(
            following=frozenset(_unended(following)),
            blocked=frozenset(_ended([*blocks, *blocked_by])),
            muted=frozenset(_ended(mutes)),
        )

    def following(self, user: int, after: int, limit: int) -> Sequence[int]:
        return list(islice(_unended(self._session.rows(_FOLLOWING, user, after)), max(limit, 0)))

    def followers(self, user: int, after: int, limit: int) -> Sequence[int]:
        return list(islice(_unended(self._session.rows(_FOLLOWERS, user, after)), max(limit, 0)))

    def follow_counts(self, user: int) -> tuple[int, int]:
        """Reads both partitions page by page: the cost grows with the counts."""
        return (
            sum(1 for _ in _unended(self._session.rows(_FOLLOWERS, user, 0))),
            sum(1 for _ in _unended(self._session.rows(_FOLLOWING, user, 0))),
        )

    def likers(self, content_id: int) -> frozenset[int]:
        return frozenset(_unended(self._session.rows(_LIKERS, content_id)))

    def tallies(self, kind: Count, ids: Collection[int]) -> Mapping[int, Tally]:
        return tallies(self, kind, ids)

    def like_count(self, content_id: int) -> int:
        return sum(1 for _ in _unended(self._session.rows(_LIKERS, content_id)))

    def view_count(self, content_id: int) -> int:
        return count_viewers(self._session, content_id)

    def likers_among(self, content_id: int, users: Collection[int]) -> frozenset[int]:
        questions = ((_SOME_LIKERS, (content_id, some)) for some in parts(users, KEYS_PER_QUERY))
        return frozenset(
            user for rows in self._session.rows_of_all(questions) for user in _unended(rows)
        )

    def content_likers(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        likers = _unended(self._session.rows(_LIKERS_AFTER, content_id, after))
        return list(islice(likers, max(limit, 0)))

    def user_likes(self, user: int, before: int | None, limit: int) -> Sequence[int]:
        newest = MAX_ID if before is None else min(before - 1, MAX_ID)
        liked = _unended(self._session.rows(_LIKES, user, newest))
        return list(islice(liked, max(limit, 0)))

    def viewers(self, content_id: int) -> Mapping[int, int]:
        return all_viewers(self._session, content_id)

    def few_viewers(self, content_id: int, most: int) -> Collection[int] | None:
        return few_viewers(self._session, content_id, most)

    def first_view(self, content_id: int, viewer: int) -> int | None:
        return first_views(self._session, content_id, [viewer]).get(viewer)

    def latest_viewers(
        self, content_id: int, before: Viewing | None, limit: int
    ) -> Sequence[Viewing]:
        return latest_viewers(self._session, content_id, before, limit)

    def viewed(self, viewer: int, content_ids: Collection[int]) -> frozenset[int]:
        return viewed_by(self._session, viewer, content_ids)

    def content_comments(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        if limit < 1:
            return []
        return [row[0] for row in self._session.rows(_COMMENTS, content_id, after, limit)]

    def content_commenters(
        self, content_id: int, after: tuple[int, int], limit: int
    ) -> Sequence[tuple[int, int]]:
        rows = self._session.rows(_COMMENTERS, content_id, *after, max(limit, 1))
        return [(user, comment) for user, comment in rows][: max(limit, 0)]

    def tiers(self, authors: Collection[int]) -> Mapping[int, TierRow]:
        buckets: dict[int, list[int]] = {}
        for author in set(authors):
            buckets.setdefault(author_bucket(author), []).append(author)
        answers = self._session.rows_of_all((_TIERS, asked) for asked in buckets.items())
        return {
            author: _tier(cell) for rows in answers for author, cell in rows if cell is not None
        }

    def follower_count(self, user: int, most: int) -> int:
        followers = _unended(self._session.rows(_FOLLOWERS, user, 0))
        return sum(1 for _ in islice(followers, max(most, 0)))

    def pulled_authors(self) -> Mapping[int, int]:
        rows = self._session.rows_in(_PULLED_AUTHORS, range(AUTHOR_BUCKETS))
        return {author: decode_newest(cell) for author, cell in rows if cell is not None}

    def pulled_posts(self, ids: Collection[int]) -> frozenset[int]:
        return frozenset(row[0] for row in self._session.rows_in(_PULLED_POSTS, set(ids)))


def _tier(cell: bytes) -> TierRow:
    state = decode_state(cell)
    return TierRow(Tier(state.payload.decode()), state.stamp)


def _unended(pairs: Iterable[Row]) -> Iterator[int]:
    """Whom the pairs concern whose last event did not end them: follows and likes."""
    return (other for other, cell in pairs if not has_ended(cell))


def _ended(pairs: Iterable[Row]) -> Iterator[int]:
    """Whom the pairs concern whose last event is the ending one: blocks and mutes in force."""
    return (other for other, cell in pairs if has_ended(cell))
