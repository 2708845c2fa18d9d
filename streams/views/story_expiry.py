"""Ends of stories: the index of expiries to publish, and the event that reports one."""

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
    """An expiry and its due time (ms): when the story ends, or when it became known if later."""

    due_at: int
    expiry: Expiry


class ExpiryIndex(Protocol):
    """The durable index of stories by their end. All methods raise `StoreUnavailableError`.

    It may hold too much: stories that were deleted, or already published, or whose create lost.
    """

    def due(self, after: int, until: int) -> Iterator[Due]:
        """Yield the expiries due in (after, until] (ms), in order.

        The index is read as the caller takes them.
        """
        ...

    def published(self, expiries: Collection[Expiry]) -> frozenset[Expiry]:
        """Return the expiries whose event is in the log, as far as the log has been folded."""
        ...

    def published_until(self) -> int | None:
        """Return the instant (ms) by which every due expiry is published.

        Return `None` if none is recorded.
        """
        ...

    def set_published_until(self, instant: int) -> None:
        """Record that every expiry due by the instant (ms) is published.

        An instant before the recorded one changes nothing.
        """
        ...


def story_expired(expiry: Expiry) -> StoryExpired:
    """Return the event that reports a story's end.

    Its `event_id` is a hash of the expiry, so that writing the event twice makes a duplicate.
    """
    packed = b"".join(part.to_bytes(8, "big") for part in expiry)
    digest = hashlib.blake2b(packed, digest_size=8, person=b"StoryExpired").digest()
    return StoryExpired(
        event_id=int.from_bytes(digest, "big") & MAX_ID or 1,
        occurred_at=expiry.expires_at,
        author_id=expiry.author_id,
        story_id=expiry.story_id,
    )
