"""Counts of the likes, views, comments and reposts of a content."""

import struct
from collections.abc import Collection
from enum import StrEnum
from typing import Final, NamedTuple

_PACKED: Final = struct.Struct(">Q?8s")


class CountKind(StrEnum):
    """Kinds of counts of a content. Each kind counts ids of its own: the members."""

    LIKES = "likes"
    """Users whose last like event is ContentLiked."""
    VIEWS = "views"
    """Users, other than the owner, who viewed the content."""
    COMMENTS = "comments"
    """Comments on the content that are not deleted."""
    REPOSTS = "reposts"
    """Posts that repost the content and are not deleted."""


class Count(NamedTuple):
    """Number of members, exact or estimated."""

    number: int
    estimated: bool = False


NO_STAMP: Final = bytes(8)


class CachedCount(NamedTuple):
    """A count as it is cached.

    `stamp` identifies the writer that filled in the entry: 8 random bytes that no other writer
    draws. `inline` may hold the members, so that a process that changes the count needs no read.
    """

    value: Count
    stamp: bytes = NO_STAMP
    inline: bytes = b""

    @classmethod
    def of(cls, members: Collection[int]) -> "CachedCount":
        """Return the count of these members, each given once, with the members inline."""
        return cls(Count(len(members)), inline=struct.pack(f">{len(members)}Q", *members))

    @property
    def members(self) -> frozenset[int] | None:
        """Members of the count; `None` if it does not hold them inline."""
        if len(self.inline) != 8 * self.value.number:
            return None
        return frozenset(struct.unpack(f">{self.value.number}Q", self.inline))

    def pack(self) -> bytes:
        """Return 17 bytes, and 8 more per inline member."""
        return _PACKED.pack(*self.value, self.stamp) + self.inline

    @classmethod
    def unpack(cls, packed: bytes) -> "CachedCount":
        """Invert `pack`."""
        number, estimated, stamp = _PACKED.unpack_from(packed)
        return cls(Count(number, estimated), stamp, packed[_PACKED.size :])
