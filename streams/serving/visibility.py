"""Visibility rules of blocks, mutes and deletion, decided on loaded rows only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streams.views.rows import PostRow
from streams.views.store import RowReader


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Users that a read hides: `blocked` everywhere, `muted` only where mutes count."""

    blocked: frozenset[int] = frozenset()
    muted: frozenset[int] = frozenset()

    def shows(self, *users: int | None) -> bool:
        """Return whether none of the users is hidden; `None` in place of a user is not hidden."""
        return not any(user in self.blocked or user in self.muted for user in users)


EVERYTHING = Viewpoint()


def viewpoint(rows: RowReader, viewer: int | None, *, mutes: bool) -> Viewpoint:
    """Return the viewpoint of `viewer`; it hides nothing if `viewer` is `None`.

    Args:
        mutes: Hide muted users, too.
    """
    if viewer is None:
        return EVERYTHING
    relations = rows.relations(viewer)
    return Viewpoint(relations.blocked, relations.muted if mutes else frozenset())


def post_filter(point: Viewpoint, belongs: Callable[[PostRow], bool]) -> Callable[[PostRow], bool]:
    """Return a filter for posts that belong to the feed, are not deleted, and are not hidden.

    A repost or reply is also hidden with the original's author, as the event carried it.
    """

    def accepts(row: PostRow) -> bool:
        return (
            not row.deleted and belongs(row) and point.shows(row.author_id, *_original_authors(row))
        )

    return accepts


def _original_authors(row: PostRow) -> Iterator[int | None]:
    if row.repost_of is not None:
        yield row.repost_of_author
    if row.reply_to is not None:
        yield row.reply_to_author
