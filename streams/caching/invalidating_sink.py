"""Sink that invalidates the cached rows that it has changed, or updates them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from streams.caching.count_maintainer import CountMaintainer
from streams.caching.ttl import SEEN_TTL_S
from streams.views.counts import CountKind
from streams.views.effects import Effects, Relation, SeeContent
from streams.views.row_cache import CachedRow, RowCaches
from streams.views.rows import Content
from streams.views.seen_stories import Seen
from streams.views.store import Views, ViewSink

_Members = defaultdict[int, set[int]]
"""Content -> ids that may be members now or no longer; or viewer -> contents."""


class InvalidatingSink:
    """A ViewSink over a durable one: it writes the rows first, then invalidates the cached ones.

    A batch counts as applied only when both are done, so that no cached row outlives its durable
    row.
    """

    def __init__(
        self,
        durable: ViewSink,
        views: Views,
        caches: RowCaches,
        maintainer: CountMaintainer | None = None,
    ) -> None:
        """Wrap `durable`.

        Args:
            views: The views that `durable` changes.
            caches: Caches of the rows.
            maintainer: Maintainer of the cached counts; a default one over `views` if `None`.
        """
        self._durable = durable
        self._rows = views.rows
        self._posts = caches.posts
        self._relations = caches.relations
        self._stories = caches.stories
        self._seen = caches.seen
        self._counts = maintainer or CountMaintainer(views, caches.counts)

    def creators(self, content: Content, ids: Collection[int]) -> Mapping[int, int]:
        return self._durable.creators(content, ids)

    def apply(self, effects: Effects) -> None:
        comments, reposts = _grouped(_comments(effects)), _grouped(_reposts(effects))
        self._find_comments(effects.contested_comments, comments)
        self._find_reposts(effects.contested_posts, reposts)
        authors = set(self._story_authors(effects))
        self._durable.apply(effects)
        if authors:
            self._stories.invalidate(authors)
        self._add_views(effects.views)
        if posts := set(_posts(effects)):
            self._posts.invalidate(posts)
        if users := set(_users(effects)):
            self._relations.invalidate(users)
        self._find_reposts([post.post_id for post in effects.delete_posts], reposts)
        likes = _grouped((like.content_id, like.user_id) for like in effects.likes)
        views = _grouped((view.content_id, view.viewer_id) for view in effects.views)
        self._counts.changed(CountKind.LIKES, likes)
        self._counts.changed(CountKind.VIEWS, views)
        self._counts.changed(CountKind.COMMENTS, comments)
        self._counts.changed(CountKind.REPOSTS, reposts)

    def _add_views(self, views: Collection[SeeContent]) -> None:
        """Add viewers' new views to their cached rows.

        A view is permanent, and a cached row needs no views of content that it does not list.
        """
        if views:
            viewed = _grouped((view.viewer_id, view.content_id) for view in views)
            ticket = self._seen.refresh(viewed)
            rows = {
                viewer: CachedRow(Seen.unpack(old).with_views(viewed[viewer]).pack(), SEEN_TTL_S)
                for viewer, old in ticket.old.items()
            }
            self._seen.fill(ticket.token, rows)

    def _story_authors(self, effects: Effects) -> Iterator[int]:
        """Yield the authors whose stories change."""
        for changes in (effects.create_stories, effects.delete_stories, effects.highlights):
            yield from (change.author_id for change in changes)
        if effects.contested_stories:
            for row in self._rows.stories(effects.contested_stories).values():
                yield row.author_id

    def _find_comments(self, ids: Collection[int], into: _Members) -> None:
        """Add the comments to `into` by the content they are on, as the durable views know it."""
        if ids:
            for row in self._rows.comments(ids).values():
                into[row.content_id].add(row.comment_id)

    def _find_reposts(self, ids: Collection[int], into: _Members) -> None:
        """Add the posts to `into` by the post they repost, as the durable views know it."""
        if ids:
            for row in self._rows.posts(ids).values():
                if row.repost_of is not None:
                    into[row.repost_of].add(row.post_id)


def _posts(effects: Effects) -> Iterator[int]:
    # Creates, too: of two that claim one id, the one with the smaller event_id may come second.
    for changes in (effects.create_posts, effects.edit_posts, effects.delete_posts):
        yield from (change.post_id for change in changes)


def _users(effects: Effects) -> Iterator[int]:
    """Yield the users whose reads the changes affect: a block hides each user from the other."""
    for change in effects.relations:
        yield change.user_id
        if change.relation is Relation.BLOCK:
            yield change.target_id


def _grouped(members: Iterable[tuple[int, int]]) -> _Members:
    """Return the second elements of the pairs, grouped by the first."""
    found: _Members = defaultdict(set)
    for key, member in members:
        found[key].add(member)
    return found


def _comments(effects: Effects) -> Iterator[tuple[int, int]]:
    for changes in (effects.create_comments, effects.delete_comments):
        yield from ((change.content_id, change.comment_id) for change in changes)


def _reposts(effects: Effects) -> Iterator[tuple[int, int]]:
    for post in effects.create_posts:
        if post.repost_of is not None:
            yield post.repost_of, post.post_id
