"""Ports of the store of the views, implemented in memory and in Cassandra.

`ViewSink` takes effects; the readers answer the read side: `RowReader` returns rows, the others
mostly ids from indexes. They return what a store knows, deleted content included and marked so;
deciding what a user may see is `streams.serving`'s work. Indexes may hold too much (a tag taken out
by an edit, an index entry of a create that lost): the row decides.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from streams.views.counts import Count, CountKind
from streams.views.effects import Effects
from streams.views.rows import (
    CommentRow,
    Content,
    PostRow,
    Relations,
    StoryRow,
    TagUse,
    TierRow,
    Viewing,
)


class ViewSink(Protocol):
    """Takes the effects of a batch and returns only when they are durable."""

    def creators(self, content: Content, ids: Collection[int]) -> Mapping[int, int]:
        """Return the `event_id` of the winning create by content id; unknown ids are absent."""
        ...

    def apply(self, effects: Effects) -> None:
        """Make the effects durable. It is safe to repeat.

        Raises:
            StoreUnavailableError: The store does not answer; retry.
        """
        ...


class Enough(NamedTuple):
    """Condition under which a merge of many authors' posts needs no older ones yet."""

    posts: int
    """Enough if the answer has this many posts of all authors together."""
    down_to: int = 0
    """Also enough if the answer has all posts from this id on."""


class Recent(NamedTuple):
    """Newest posts of some authors, complete down to an id."""

    ids: Mapping[int, Sequence[int]]
    """Ids by author, newest first: as many as the caller asked for, or all from `until` on."""
    until: int = 0


class RowReader(Protocol):
    """Rows by id, in bulk; unknown ids are absent. A row cache may answer instead of the store."""

    def posts(self, ids: Collection[int]) -> Mapping[int, PostRow]: ...

    def stories(self, ids: Collection[int]) -> Mapping[int, StoryRow]: ...

    def comments(self, ids: Collection[int]) -> Mapping[int, CommentRow]: ...

    def relations(self, user: int) -> Relations: ...

    def counts(self, kind: CountKind, ids: Collection[int]) -> Mapping[int, Count]:
        """Return the number of likes, views, comments or reposts of each content."""
        ...

    def current_stories(
        self, authors: Collection[int], now: int
    ) -> Mapping[int, Sequence[StoryRow]]:
        """Return by author their own stories that may be visible at `now` (ms), oldest first."""
        ...

    def viewed(self, viewer: int, content_ids: Collection[int]) -> frozenset[int]:
        """Return which of the contents the viewer has a counted view of."""
        ...


class PostReader(Protocol):
    """Indexes of posts."""

    def author_posts(
        self, authors: Collection[int], before: int | None, limit: int
    ) -> Mapping[int, Sequence[int]]:
        """Return the newest `limit` post ids below `before` by author, newest first.

        An author with fewer than `limit` ids has no more.
        """
        ...

    def recent_posts(
        self, authors: Collection[int], before: int | None, limit: int, enough: Enough
    ) -> Recent:
        """Return the authors' newest post ids for a merge of their posts.

        Authors who wrote little need not be searched for years back if the others have written
        enough since.

        Args:
            before: Cursor, excluded; `None` for the newest.
            limit: Maximum number of ids per author.
            enough: Condition under which the store may stop.

        Returns:
            Ids down to `until`, which is 0, or at most `enough.down_to`, or the answer has
            `enough.posts` ids or more.
        """
        ...

    def tag_posts(self, tag: str, before: int | None, limit: int) -> Sequence[int]:
        """Return the newest `limit` post ids below `before` that ever had the tag, newest first.

        Fewer ids mean that there are no more.
        """
        ...

    def tag_uses(self, since: int, until: int) -> Iterable[TagUse]:
        """Return the uses of tags by posts made in (since, until] (ms), in any order.

        Raises:
            ValueError: `since` is too early: a store may keep uses for two days only.
        """
        ...


class StoryReader(Protocol):
    """Indexes of stories."""

    def author_stories(
        self, authors: Collection[int], since: int, until: int, now: int
    ) -> Mapping[int, Sequence[int]]:
        """Return by author the ids of stories that may be visible at `now` (ms), oldest first.

        The stories were created in [since, until] (ms). A store may leave out stories that expired
        before `now`.
        """
        ...

    def stories_by(self, author: int, before: int | None, limit: int) -> Sequence[int]:
        """Return the newest `limit` ids below `before` of the author's stories, newest first.

        Fewer ids mean that there are no more.
        """
        ...

    def highlights(self, author: int) -> Sequence[int]:
        """Return the ids of stories that this author ever highlighted, oldest first."""
        ...


class EngagementReader(Protocol):
    """Likes, views, comments and reposts: the members behind the counts."""

    def likers(self, content_id: int) -> frozenset[int]:
        """Return the users whose last like event on the content is ContentLiked."""
        ...

    def likers_among(self, content_id: int, users: Collection[int]) -> frozenset[int]:
        """Return which of the users like the content."""
        ...

    def content_likers(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        """Return up to `limit` users who like the content, ids above `after`, ascending."""
        ...

    def user_likes(self, user: int, before: int | None, limit: int) -> Sequence[int]:
        """Return up to `limit` contents the user likes, with ids below `before`, descending."""
        ...

    def like_count(self, content_id: int) -> int:
        """Return the number of users who like the content."""
        ...

    def view_count(self, content_id: int) -> int:
        """Return the number of the content's viewers, without the owner."""
        ...

    def viewers(self, content_id: int) -> Mapping[int, int]:
        """Return viewer -> first view time (ms), without the owner's own views."""
        ...

    def few_viewers(self, content_id: int, most: int) -> Collection[int] | None:
        """Return the content's viewers; `None` if there are more than `most`."""
        ...

    def first_view(self, content_id: int, viewer: int) -> int | None:
        """Return the time of the viewer's first view of the content (ms); `None` without a view."""
        ...

    def latest_viewers(
        self, content_id: int, before: Viewing | None, limit: int
    ) -> Sequence[Viewing]:
        """Return the latest `limit` viewings of the content below `before`, latest first.

        Fewer viewings mean that there are no more.
        """
        ...

    def content_comments(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        """Return up to `limit` ids of comments ever made on the content.

        Ids are greater than `after`, ascending.
        """
        ...

    def content_commenters(
        self, content_id: int, after: tuple[int, int], limit: int
    ) -> Sequence[tuple[int, int]]:
        """Return up to `limit` pairs above `after` of (commenter, comment id), ascending.

        They include all comments ever made on the content.
        """
        ...

    def reposts(self, post_id: int) -> Sequence[int]:
        """Return the ids of all posts that were created as reposts of this one."""
        ...


class GraphReader(Protocol):
    """Followers and followed users."""

    def following(self, user: int, after: int, limit: int) -> Sequence[int]:
        """Return up to `limit` users that the user follows, ids above `after`, ascending."""
        ...

    def followers(self, user: int, after: int, limit: int) -> Sequence[int]:
        """Return up to `limit` followers of the user, ids above `after`, ascending."""
        ...

    def follow_counts(self, user: int) -> tuple[int, int]:
        """Return the user's number of followers and number of followed users."""
        ...

    def follower_count(self, user: int, most: int) -> int:
        """Return the number of the user's followers; counting stops at `most`."""
        ...


class TierReader(Protocol):
    """Tiers of authors, and the posts that readers pull."""

    def tiers(self, authors: Collection[int]) -> Mapping[int, TierRow]:
        """Return the tier last decided by author; authors without a decision are absent."""
        ...

    def pulled_authors(self) -> Mapping[int, int]:
        """Return every author who has posts that readers pull, with the newest of those posts."""
        ...

    def pulled_posts(self, ids: Collection[int]) -> frozenset[int]:
        """Return which of the posts readers pull; the others were pushed."""
        ...


class ViewReader(
    RowReader, PostReader, StoryReader, EngagementReader, GraphReader, TierReader, Protocol
):
    """All readers in one object, as a store implements them."""


class Views(NamedTuple):
    """The readers of one version of the views, for functions that need several of them."""

    rows: RowReader
    posts: PostReader
    stories: StoryReader
    engagement: EngagementReader
    graph: GraphReader
    tiers: TierReader

    @classmethod
    def of(cls, store: ViewReader) -> "Views":
        """Return the views whose readers are all `store`."""
        return cls(store, store, store, store, store, store)
