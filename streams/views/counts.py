"""How many like, have viewed, comment on and repost a content."""

import struct
from collections.abc import Collection
from enum import StrEnum
from typing import Final, NamedTuple

_PACKED: Final = struct.Struct(">Q?8s")


class CountKind(StrEnum):
    """What is counted of a content, each by ids of its own: its members."""

    LIKES = "likes"
    """Users whose last like event is ContentLiked."""
    VIEWS = "views"
    """Users who viewed it, but its owner."""
    COMMENTS = "comments"
    """Comments on it that stand."""
    REPOSTS = "reposts"
    """Posts that repost it, and stand."""


class Count(NamedTuple):
    """How many members there are, or an estimate."""

    number: int
    estimated: bool = False


NO_STAMP: Final = bytes(8)


class CachedCount(NamedTuple):
    """A tally as it is copied, with who made the copy: 8 bytes that nobody else draws.

    It may carry its members, so that whoever changes it needs to ask nobody.
    """

    tally: Count
    stamp: bytes = NO_STAMP
    carried: bytes = b""

    @classmethod
    def of(cls, members: Collection[int]) -> "CachedCount":
        """The tally of these members, each given once, carrying them."""
        return cls(Count(len(members)), carried=struct.pack(f">{len(members)}Q", *members))

    @property
    def members(self) -> frozenset[int] | None:
        """Its members, None where it does not carry them."""
        if len(self.carried) != 8 * self.tally.number:
            return None
        return frozenset(struct.unpack(f">{self.tally.number}Q", self.carried))

    def pack(self) -> bytes:
        """17 bytes, and 8 a member that is carried."""
        return _PACKED.pack(*self.tally, self.stamp) + self.carried

    @classmethod
    def unpack(cls, packed: bytes) -> "CachedCount":
        """The inverse of `pack`."""
        number, estimated, stamp = _PACKED.unpack_from(packed)
        return cls(Count(number, estimated), stamp, packed[_PACKED.size :])
