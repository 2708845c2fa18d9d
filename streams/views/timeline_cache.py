"""Port of the timeline cache, implemented in memory and in Redis.

`TimelineCache` holds the timelines of warm readers, and the lists of followers that deliveries go
to. Home feeds also read `PullSet`, the authors whose posts readers pull.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol


class Delivery(NamedTuple):
    """The rest of a delivery: followers above `cursor` of one shard still miss the post."""

    author_id: int
    post_id: int
    shard: int
    cursor: int


class Timeline(NamedTuple):
    """A warm, complete timeline, sorted descending.

    It has every post id above `floor` by the authors it was built for, and maybe others.
    """

    ids: Sequence[int]
    floor: int
    digest: bytes
    """Digest of the authors that the timeline was built for."""
    token: bytes
    """Identifies the load that made the timeline."""


class TimelineCache(Protocol):
    """Stored home timelines of warm readers, and the lists of followers to deliver to.

    Losing all of it at any moment costs time, never a right answer (correctness rules 1 to 8).
    """

    def read(self, reader: int) -> Timeline | None:
        """Return the reader's timeline.

        Returns:
            `None` if the timeline is cold, still loading, or from before a restart of the server.
        """
        ...

    def authors(self, reader: int) -> Sequence[int]:
        """Return the authors that the reader's timeline was built for.

        They are right if their digest equals that of the timeline; otherwise the answer may be any
        authors, or `()`.
        """
        ...

    def begin_load(self, reader: int, authors: Collection[int]) -> bytes | None:
        """Mark the timeline as loading and register the reader for delivery with each author.

        From now on deliveries collect in the loading timeline.

        Returns:
            A token for `complete_load`, or `None` if the marker is lost before all authors are
            registered.
        """
        ...

    def complete_load(
        self, reader: int, token: bytes, ids: Sequence[int], floor: int, digest: bytes
    ) -> bool:
        """Complete the timeline: the union of `ids` and the posts delivered since `begin_load`.

        Args:
            floor: `ids` are complete above this id.
            digest: Digest of the authors.

        Returns:
            `False` if the marker is gone or another load began: answer from the store instead.
        """
        ...

    def register_reader(self, reader: int, token: bytes, authors: Collection[int]) -> bool:
        """Register the reader for delivery with further authors, before `extend`.

        Returns:
            `False` if the timeline of this token is gone.
        """
        ...

    def extend(
        self,
        reader: int,
        timeline: Timeline,
        ids: Sequence[int],
        floor: int,
        authors: Collection[int],
        digest: bytes,
    ) -> bool:
        """Turn the timeline, as it was read, into one of other `authors`.

        Args:
            timeline: The timeline as it was read.
            ids: All posts above `floor` by the authors that the timeline was not built for.
            floor: Id above which `ids` are complete.
            authors: All authors of the new timeline.
            digest: Digest of `authors`.

        Returns:
            `False` if the timeline is gone or is by now one of other authors.
        """
        ...

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> Sequence[Delivery]:
        """Push post ids (author -> ids) onto the warm timelines of the authors' followers.

        Returns:
            The rest: at most `limit` followers are served per author and shard.
        """
        ...

    def deliver_pages(self, rests: Iterable[Delivery], limit: int) -> Sequence[Delivery]:
        """Serve the next `limit` followers of each delivery, and return the rest."""
        ...

    def deliver_page(self, rest: Delivery, limit: int) -> Delivery | None:
        """Serve the next `limit` followers of a delivery. Return the rest; `None` if finished."""
        ...
