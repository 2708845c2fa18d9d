"""What the views ask of a store, written once for memory and Cassandra.

`ViewSink` takes effects; `ViewReader` answers the read side. Readers return what a store knows,
deleted content included and marked so; deciding what a reader may see is `streams.serving`'s work.
Indexes may hold too much (a tag taken out by an edit, an index entry of a create that lost):
the content row decides.
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
    """Takes the effects of a batch; returns only when they are durable."""

    def creators(self, content: Content, ids: Collection[int]) -> Mapping[int, int]:
        """The `event_id` of the create that stands, by content id; unknown ids are absent."""
        ...

    def apply(self, effects: Effects) -> None:
        """Make the effects durable. Safe to repeat; raises StoreUnavailableError to be retried."""
        ...


class Enough(NamedTuple):
    """Where somebody who merges the posts of many authors need not go on to ask."""

    posts: int
    """There are so many of all authors together."""
    down_to: int = 0
    """Or there are all from this id on."""


class Recent(NamedTuple):
    """Posts of some authors, down to some id."""

    ids: Mapping[int, Sequence[int]]
    """Per author its newest, newest first: as many as were asked for, or all from `until` on."""
    until: int = 0


class ViewReader(Protocol):
    """Answers about the views, in bulk; ids that are not known are absent from the answers."""

    def posts(self, ids: Collection[int]) -> Mapping[int, PostRow]: ...

    def stories(self, ids: Collection[int]) -> Mapping[int, StoryRow]: ...

    def comments(self, ids: Collection[int]) -> Mapping[int, CommentRow]: ...

    def author_posts(
        self, authors: Collection[int], before: int | None, limit: int
    ) -> Mapping[int, Sequence[int]]:
        """Per author the newest `limit` post ids below `before`, newest first.

        Fewer than `limit` ids say that the author has no more.
        """
        ...

    def recent_posts(
        self, authors: Collection[int], before: int | None, limit: int, enough: Enough
    ) -> Recent:
        """The same for whoever merges them: authors who wrote little need not be asked about years
        where the others have written enough since.

        `until` is 0, or at most `enough.down_to`, or the answer has `enough.posts` ids or more.
        """
        ...

    def tag_posts(self, tag: str, before: int | None, limit: int) -> Sequence[int]:
        """The newest `limit` post ids below `before` ever tagged so; fewer: there are no more."""
        ...

    def tag_uses(self, since: int, until: int) -> Iterable[TagUse]:
        """Of posts made in (since, until] (ms), in any order; kept for two days after that.

        Raises ValueError for earlier ones, where a store keeps them no longer.
        """
        ...

    def reposts(self, post_id: int) -> Sequence[int]:
        """Ids of all posts that were created as reposts of this one."""
        ...

    def author_stories(
        self, authors: Collection[int], since: int, until: int, now: int
    ) -> Mapping[int, Sequence[int]]:
        """Per author the ids of stories created in [since, until] (ms) that may be visible at
        `now` (ms), oldest first. A store may leave out those that expired before `now`."""
        ...

    def current_stories(
        self, authors: Collection[int], now: int
    ) -> Mapping[int, Sequence[StoryRow]]:
        """Per author the author's own stories that may be visible at `now` (ms), oldest first."""
        ...

    def stories_by(self, author: int, before: int | None, limit: int) -> Sequence[int]:
        """The newest `limit` ids below `before` of the author's stories, newest first; fewer:
        there are no more."""
        ...

    def highlights(self, author: int) -> Sequence[int]:
        """Ids of stories that were ever highlighted by this author, oldest first."""
        ...

    def relations(self, user: int) -> Relations: ...

    def following(self, user: int, after: int, limit: int) -> Sequence[int]:
        """Whom the user follows, ids above `after`, ascending."""
        ...

    def followers(self, user: int, after: int, limit: int) -> Sequence[int]:
        """Who follows the user, ids above `after`, ascending."""
        ...

    def follow_counts(self, user: int) -> tuple[int, int]:
        """How many follow the user, and how many the user follows."""
        ...

    def likers(self, content_id: int) -> frozenset[int]:
        """Users whose last like event on the content is ContentLiked."""
        ...

    def tallies(self, kind: CountKind, ids: Collection[int]) -> Mapping[int, Count]:
        """How many likes, views, comments or reposts each of the contents has."""
        ...

    def like_count(self, content_id: int) -> int:
        """How many `likers` there are."""
        ...

    def view_count(self, content_id: int) -> int:
        """How many `viewers` there are."""
        ...

    def likers_among(self, content_id: int, users: Collection[int]) -> frozenset[int]:
        """Those of the users who are among the content's `likers`."""
        ...

    def content_likers(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        """The same, ids above `after`, ascending."""
        ...

    def user_likes(self, user: int, before: int | None, limit: int) -> Sequence[int]:
        """Contents that the user likes, ids below `before`, descending."""
        ...

    def viewers(self, content_id: int) -> Mapping[int, int]:
        """Viewer -> first view time (ms), the owner's own views left out."""
        ...

    def few_viewers(self, content_id: int, most: int) -> Collection[int] | None:
        """The `viewers`; None where there are more than `most`."""
        ...

    def first_view(self, content_id: int, viewer: int) -> int | None:
        """When the viewer first viewed it (ms)."""
        ...

    def latest_viewers(
        self, content_id: int, before: Viewing | None, limit: int
    ) -> Sequence[Viewing]:
        """The `limit` latest of its viewers below `before`, latest first; fewer: no more."""
        ...

    def viewed(self, viewer: int, content_ids: Collection[int]) -> frozenset[int]:
        """Which of the contents the viewer has a counted view of."""
        ...

    def content_comments(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        """Ids of comments ever made on the content, above `after`, ascending."""
        ...

    def content_commenters(
        self, content_id: int, after: tuple[int, int], limit: int
    ) -> Sequence[tuple[int, int]]:
        """Who ever commented on the content and the comment's id, above `after`, ascending."""
        ...

    def tiers(self, authors: Collection[int]) -> Mapping[int, TierRow]:
        """Per author the tier last decided; authors of whom nothing was decided are absent."""
        ...

    def follower_count(self, user: int, most: int) -> int:
        """How many follow the user; counting ends at `most`."""
        ...

    def pulled_authors(self) -> Mapping[int, int]:
        """Every author who has posts that readers pull, with the newest of those posts."""
        ...

    def pulled_posts(self, ids: Collection[int]) -> frozenset[int]:
        """Which of the posts readers pull; the others were pushed."""
        ...
