"""What every timeline cache agrees on: the shard of a reader, and how large a timeline may be."""

import zlib
from collections.abc import Iterable
from typing import NamedTuple

SOURCES_BYTES = 16


class TimelineLimits(NamedTuple):
    """Sizes (ids), times (seconds) and the work of one server-side call (pushes)."""

    length: int = 800
    """What a trim keeps."""
    slack: int = 256
    """By how much a timeline may exceed `length` before it is trimmed. (A string that grows takes
    up to as much again, so there is room for more.)"""
    loading_s: int = 60
    complete_s: int = 6 * 24 * 3600
    """Less than delivery tasks are kept: one lost to age can then be missed by no timeline."""
    pushes: int = 320
    list_page: int = 512
    """Followers in one string of a delivery list; a longer list has several."""

    @property
    def longest(self) -> int:
        return self.length + self.slack


def shard_of(user: int, shards: int) -> int:
    """The shard of a user: CRC-32 of the 8-byte big-endian id, modulo the number of shards."""
    return zlib.crc32(user.to_bytes(8, "big")) % shards


def newest(ids: Iterable[int], floor: int, length: int) -> tuple[list[int], int]:
    """The `length` largest ids above `floor`, ascending, and the floor they are complete above."""
    kept = sorted({post for post in ids if post > floor})
    if len(kept) <= length:
        return kept, floor
    return kept[-length:], kept[-length - 1]


def checked(sources: bytes) -> bytes:
    """`sources`, which must be a digest of 16 bytes; raises ValueError."""
    if len(sources) != SOURCES_BYTES:
        raise ValueError(f"a digest of sources has {SOURCES_BYTES} bytes, not {len(sources)}")
    return sources
