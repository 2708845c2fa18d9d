"""Read side of the views in Cassandra."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from streams.contracts.times import now_ms
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.sink import Clock
from streams.sinks.cassandra.tables.author_posts import newest_by_author, recent_by_author
from streams.sinks.cassandra.tables.author_stories import newest_stories, stories_between
from streams.sinks.cassandra.tables.comments import (
    read_commenters,
    read_comments,
    read_content_comments,
)
from streams.sinks.cassandra.tables.content_views import (
    all_viewers,
    count_viewers,
    few_viewers,
    first_views,
    latest_viewers,
    viewed_by,
)
from streams.sinks.cassandra.tables.likes import (
    count_likes,
    read_content_likers,
    read_likers,
    read_likers_among,
    read_user_likes,
)
from streams.sinks.cassandra.tables.posts import read_posts, read_reposts
from streams.sinks.cassandra.tables.relations import (
    count_followers,
    count_follows,
    read_followers,
    read_following,
    read_relations,
)
from streams.sinks.cassandra.tables.stories import read_highlights, read_stories
from streams.sinks.cassandra.tables.tag_posts import newest_by_tag
from streams.sinks.cassandra.tables.tag_uses import uses_between
from streams.sinks.cassandra.tables.tiers import read_pulled_authors, read_pulled_posts, read_tiers
from streams.views.counted_members import counts
from streams.views.counts import Count, CountKind
from streams.views.rows import CommentRow, PostRow, Relations, StoryRow, TagUse, TierRow, Viewing
from streams.views.store import Enough, Recent, Views
from streams.views.visible_stories import current_stories


class CassandraReader:
    """A ViewReader over Cassandra; safe between threads.

    `clock` returns the wall clock in ms: a query about a moment before it is answered from rows
    that never expire.
    """

    def __init__(self, session: Session, *, clock: Clock = now_ms) -> None:
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
        return read_reposts(self._session, post_id)

    def author_stories(
        self, authors: Collection[int], since: int, until: int, now: int
    ) -> Mapping[int, Sequence[int]]:
        active_only = now >= self._clock()
        return stories_between(self._session, authors, since, until, active_only=active_only)

    def current_stories(
        self, authors: Collection[int], now: int
    ) -> Mapping[int, Sequence[StoryRow]]:
        return current_stories(Views.of(self), authors, now, until=now)

    def stories_by(self, author: int, before: int | None, limit: int) -> Sequence[int]:
        return newest_stories(self._session, author, before, limit)

    def highlights(self, author: int) -> Sequence[int]:
        return read_highlights(self._session, author)

    def relations(self, user: int) -> Relations:
        return read_relations(self._session, user)

    def following(self, user: int, after: int, limit: int) -> Sequence[int]:
        return read_following(self._session, user, after, limit)

    def followers(self, user: int, after: int, limit: int) -> Sequence[int]:
        return read_followers(self._session, user, after, limit)

    def follow_counts(self, user: int) -> tuple[int, int]:
        """Return the numbers of followers and of followed users.

        Reads both partitions page by page: the cost grows with the counts.
        """
        return count_follows(self._session, user)

    def likers(self, content_id: int) -> frozenset[int]:
        return read_likers(self._session, content_id)

    def counts(self, kind: CountKind, ids: Collection[int]) -> Mapping[int, Count]:
        return counts(Views.of(self), kind, ids)

    def like_count(self, content_id: int) -> int:
        return count_likes(self._session, content_id)

    def view_count(self, content_id: int) -> int:
        return count_viewers(self._session, content_id)

    def likers_among(self, content_id: int, users: Collection[int]) -> frozenset[int]:
        return read_likers_among(self._session, content_id, users)

    def content_likers(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        return read_content_likers(self._session, content_id, after, limit)

    def user_likes(self, user: int, before: int | None, limit: int) -> Sequence[int]:
        return read_user_likes(self._session, user, before, limit)

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
        return read_content_comments(self._session, content_id, after, limit)

    def content_commenters(
        self, content_id: int, after: tuple[int, int], limit: int
    ) -> Sequence[tuple[int, int]]:
        return read_commenters(self._session, content_id, after, limit)

    def tiers(self, authors: Collection[int]) -> Mapping[int, TierRow]:
        return read_tiers(self._session, authors)

    def follower_count(self, user: int, most: int) -> int:
        return count_followers(self._session, user, most)

    def pulled_authors(self) -> Mapping[int, int]:
        return read_pulled_authors(self._session)

    def pulled_posts(self, ids: Collection[int]) -> frozenset[int]:
        return read_pulled_posts(self._session, ids)
