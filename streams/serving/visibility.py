"""Who may see what: the rules of blocks, mutes and deletion, decided on loaded rows only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streams.views.rows import PostRow
from streams.views.store import ViewReader


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """The users whom a read hides: `blocked` everywhere, `muted` only where mutes count."""

    blocked: frozenset[int] = frozenset()
    muted: frozenset[int] = frozenset()

    def shows(self, *users: int | None) -> bool:
        """Whether none of the users is hidden; None hides nothing."""
        return not any(user in self.blocked or user in self.muted for user in users)


EVERYTHING = Viewpoint()


def viewpoint(views: ViewReader, viewer: int | None, *, mutes: bool) -> Viewpoint:
    """The viewpoint of `viewer`, or of nobody in particular."""
    if viewer is None:
        return EVERYTHING
    relations = views.relations(viewer)
    return Viewpoint(relations.blocked, relations.muted if mutes else frozenset())


def post_filter(point: Viewpoint, belongs: Callable[[PostRow], bool]) -> Callable[[PostRow], bool]:
    """Accepts posts that belong to the feed, are not deleted, and are not hidden.

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
