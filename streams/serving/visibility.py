"""Who may see what: the rules of blocks, mutes and deletion, decided on loaded rows only."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streams.projections.ports import PostRow, ViewReader


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
            not row.deleted
            and belongs(row)
            and point.shows(row.author_id, row.reply_to_author, row.repost_of_author)
        )

    return accepts


def originals(rows: Iterable[PostRow]) -> set[int]:
    """Ids of the posts that these repost or reply to."""
    named = (row.repost_of if row.repost_of is not None else row.reply_to for row in rows)
    return {post_id for post_id in named if post_id is not None}
