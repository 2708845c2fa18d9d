"""A sink that drops the copies of the rows it has changed."""

from collections.abc import Collection, Iterator, Mapping

from streams.projections.copies import RowCopies
from streams.projections.effects import Effects, Relation
from streams.projections.ports import Content, ViewSink


class DroppingSink:
    """A ViewSink over a durable one: the rows first, then their copies.

    A batch counts as applied only when both is done, so that no copy outlives what it was made of.
    """

    def __init__(self, durable: ViewSink, copies: RowCopies) -> None:
        self._durable = durable
        self._posts, self._relations = copies

    def creators(self, content: Content, ids: Collection[int]) -> Mapping[int, int]:
        """See ViewSink."""
        return self._durable.creators(content, ids)

    def apply(self, effects: Effects) -> None:
        """See ViewSink."""
        self._durable.apply(effects)
        if posts := set(_posts(effects)):
            self._posts.drop(posts)
        if users := set(_users(effects)):
            self._relations.drop(users)


def _posts(effects: Effects) -> Iterator[int]:
    # Creates, too: of two that claim one id, the one with the smaller event_id may come second.
    for changes in (effects.create_posts, effects.edit_posts, effects.delete_posts):
        yield from (change.post_id for change in changes)


def _users(effects: Effects) -> Iterator[int]:
    """Whose reads the changes concern: a block hides each from the other."""
    for change in effects.relations:
        yield change.user_id
        if change.relation is Relation.BLOCK:
            yield change.target_id
