"""How many like, have viewed, comment on and repost a content."""

import struct
from enum import StrEnum
from typing import Final, NamedTuple

_PACKED: Final = struct.Struct(">Q?8s")


class Count(StrEnum):
    """What is counted of a content, each by ids of its own: its members."""

    LIKES = "likes"
    """Users whose last like event is ContentLiked."""
    VIEWS = "views"
    """Users who viewed it, but its owner."""
    COMMENTS = "comments"
    """Comments on it that stand."""
    REPOSTS = "reposts"
    """Posts that repost it, and stand."""


class Tally(NamedTuple):
    """How many members there are, or an estimate."""

    number: int
    estimated: bool = False


NO_STAMP: Final = bytes(8)


class Stamped(NamedTuple):
    """A tally as it is copied, with who made the copy: 8 bytes that nobody else draws."""

    tally: Tally
    stamp: bytes = NO_STAMP

    def pack(self) -> bytes:
        """17 bytes."""
        return _PACKED.pack(*self.tally, self.stamp)

    @classmethod
    def unpack(cls, packed: bytes) -> "Stamped":
        """The inverse of `pack`."""
        number, estimated, stamp = _PACKED.unpack(packed)
        return cls(Tally(number, estimated), stamp)
