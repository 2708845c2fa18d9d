"""What deliveries and home feeds ask of a cache, written once for memory and Redis.

`TimelineCache` holds the timelines of warm readers, `PullSet` the authors whose posts readers pull.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol


class Delivery(NamedTuple):
    """The rest of a delivery: followers above `cursor` of one shard still lack the post."""

    author_id: int
    post_id: int
    shard: int
    cursor: int


class Timeline(NamedTuple):
    """A warm, complete timeline: every post id above `floor` by the authors it was built for, and
    maybe more; sorted descending."""

    ids: Sequence[int]
    floor: int
    sources: bytes
    """A digest of those authors."""
    token: bytes
    """Names the load that made it."""


class TimelineCache(Protocol):
    """Stored home timelines of warm readers, and the lists of whom to deliver to.

    Losing all of it at any moment costs time, never a right answer (correctness rules 1 to 8).
    """

    def read(self, reader: int) -> Timeline | None:
        """The reader's timeline, or None where it is cold, still loading, or from before a restart
        of the server."""
        ...

    def authors(self, reader: int) -> Sequence[int]:
        """For whom the reader's timeline was built, if the digest of these authors is that of the
        timeline; anything or nobody otherwise."""
        ...

    def begin(self, reader: int, authors: Collection[int]) -> bytes | None:
        """Mark the timeline as loading and register the reader for delivery with each author.

        Returns a token for `install`. From now on deliveries gather in the loading timeline.
        """
        ...

    def install(
        self, reader: int, token: bytes, ids: Sequence[int], floor: int, sources: bytes
    ) -> bool:
        """Complete the timeline: union of `ids` and what was delivered since `begin`.

        False where the marker is gone or another load began: answer from the store instead.
        """
        ...

    def register(self, reader: int, token: bytes, authors: Collection[int]) -> bool:
        """Register the reader for delivery with further authors, before `extend`.

        False where the timeline of this token is gone.
        """
        ...

    def extend(
        self,
        reader: int,
        timeline: Timeline,
        ids: Sequence[int],
        floor: int,
        authors: Collection[int],
        sources: bytes,
    ) -> bool:
        """Make the timeline, as it was read, one of other `authors`, whose digest is `sources`.

        `ids` are, above `floor`, all posts by those it was not built for. False where the timeline
        is gone, or is by now one of others.
        """
        ...

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> Sequence[Delivery]:
        """Push post ids (author -> ids) onto the warm timelines of the authors' followers.

        At most `limit` followers are served per author and shard; what is left comes back.
        """
        ...

    def deliver_pages(self, rests: Iterable[Delivery], limit: int) -> Sequence[Delivery]:
        """Serve the next `limit` followers of each of some deliveries; what is left comes back."""
        ...

    def deliver_page(self, rest: Delivery, limit: int) -> Delivery | None:
        """Serve the next `limit` followers of a delivery; None when it is finished."""
        ...
