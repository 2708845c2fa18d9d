"""Rules that all timeline caches share: the shard of a reader, and the size of a timeline."""

import zlib
from collections.abc import Iterable
from typing import NamedTuple

from streams.contracts.times import DAY_S

DIGEST_BYTES = 16


class TimelineLimits(NamedTuple):
    """Sizes (ids), times (seconds) and the work of one server-side call (pushes)."""

    length: int = 800
    """Number of ids that a trim keeps."""
    slack: int = 256
    """Ids by which a timeline may exceed `length` before it is trimmed.

    A Redis string that grows takes up to twice its size, so there is room for more.
    """
    loading_s: int = 60
    complete_s: int = 6 * DAY_S
    """Shorter than the retention of delivery tasks: no timeline can miss one lost to age."""
    pushes: int = 320
    list_page: int = 512
    """Followers in one string of a delivery list; a longer list has several."""

    @property
    def longest(self) -> int:
        return self.length + self.slack


def shard_of(user: int, shards: int) -> int:
    """Return the shard of a user: CRC-32 of the 8-byte big-endian id, modulo `shards`."""
    return zlib.crc32(user.to_bytes(8, "big")) % shards


def newest(ids: Iterable[int], floor: int, length: int) -> tuple[list[int], int]:
    """Return the `length` largest ids above `floor`, ascending, and the floor of the result.

    The result is complete above its floor.
    """
    kept = sorted({post for post in ids if post > floor})
    if len(kept) <= length:
        return kept, floor
    return kept[-length:], kept[-length - 1]


def checked_digest(digest: bytes) -> bytes:
    """Return `digest` if it has 16 bytes.

    Raises:
        ValueError: It has another length.
    """
    if len(digest) != DIGEST_BYTES:
        raise ValueError(f"a digest of authors has {DIGEST_BYTES} bytes, not {len(digest)}")
    return digest
