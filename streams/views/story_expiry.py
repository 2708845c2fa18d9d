"""When stories end: what is still to be told of it, and the event that tells it."""

import hashlib
from collections.abc import Collection, Iterator
from typing import NamedTuple, Protocol

from streams.contracts.events import StoryExpired
from streams.contracts.ids import MAX_ID


class Expiry(NamedTuple):
    """The end of a story, at `expires_at` (ms)."""

    story_id: int
    author_id: int
    expires_at: int


class Due(NamedTuple):
    """An expiry and when it is to be told (ms): when the story ends, or when it became known."""

    due_at: int
    expiry: Expiry


class ExpiryIndex(Protocol):
    """The durable index of stories by their end. All methods raise StoreUnavailableError.

    It may hold too much: stories that were deleted, or told of, or whose create lost.
    """

    def due(self, after: int, until: int) -> Iterator[Due]:
        """Those due in (after, until] (ms), in order, read as they are taken."""
        ...

    def told(self, expiries: Collection[Expiry]) -> frozenset[Expiry]:
        """Those of which the log tells, as far as it was folded."""
        ...

    def told_until(self) -> int | None:
        """All that was due by this instant (ms) is told; None: nobody has said so yet."""
        ...

    def set_told_until(self, instant: int) -> None:
        """Say so; an earlier instant than said before changes nothing."""
        ...


def story_expired(expiry: Expiry) -> StoryExpired:
    """The event of a story's end.

    Its `event_id` is a hash of what it tells, so that to write it twice is a duplicate.
    """
    packed = b"".join(part.to_bytes(8, "big") for part in expiry)
    digest = hashlib.blake2b(packed, digest_size=8, person=b"StoryExpired").digest()
    return StoryExpired(
        event_id=int.from_bytes(digest, "big") & MAX_ID or 1,
        occurred_at=expiry.expires_at,
        author_id=expiry.author_id,
        story_id=expiry.story_id,
    )
