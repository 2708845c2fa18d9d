"""Names of keys and the packing of ids, both documented in docs/concepts/timelines.md.

An id inside a key or a value is 8 bytes, big-endian: byte order is id order, and Lua, whose
numbers are doubles, can carry it without loss.
"""

import struct
from collections.abc import Sequence

from streams.views.timeline_limits import shard_of

ID_BYTES = 8


def pack(ids: Sequence[int]) -> bytes:
    """Return ids as 8-byte big-endian integers, in the given order."""
    return struct.pack(f">{len(ids)}Q", *ids)


def unpack(packed: bytes) -> tuple[int, ...]:
    """Return the ids in packed bytes; the inverse of `pack`."""
    return struct.unpack(f">{len(packed) // ID_BYTES}Q", packed)


class Keys:
    """The keys of one version of the views, split into `shards` parts by reader."""

    def __init__(self, version: str, shards: int) -> None:
        self._shards = shards
        tags = tuple(f"{{{version}.{shard}}}:".encode() for shard in range(shards))
        self._timelines = tuple(tag + b"t:" for tag in tags)
        self._authors = tuple(tag + b"s:" for tag in tags)
        self._visits = tuple(tag + b"visits" for tag in tags)
        self._lists = tuple(tag + b"f:" for tag in tags)

    @property
    def shards(self) -> range:
        return range(self._shards)

    def timelines(self, shard: int) -> bytes:
        """Return the prefix of a shard's timeline keys; the packed reader id follows."""
        return self._timelines[shard]

    def timeline(self, reader: int) -> bytes:
        return self._timelines[shard_of(reader, self._shards)] + pack((reader,))

    def authors(self, reader: int) -> bytes:
        """Return the key of the authors that the reader's timeline was built for."""
        return self._authors[shard_of(reader, self._shards)] + pack((reader,))

    def visits(self, shard: int) -> bytes:
        """Return the key of the last visits of the readers of a shard."""
        return self._visits[shard]

    def lists(self, shard: int) -> bytes:
        """Return the prefix of a shard's delivery lists; the packed author id follows.

        In a page of a long list, the page's pivot follows the author id.
        """
        return self._lists[shard]

    def lists_near(self, reader: int) -> bytes:
        """Return the prefix of the delivery lists in the reader's own shard."""
        return self._lists[shard_of(reader, self._shards)]


def row_cache_prefixes(version: str, parts: int, letter: str) -> tuple[bytes, ...]:
    """Return the key prefixes of a row cache, by part; the packed row id follows.

    Args:
        version: Version of the views.
        parts: Number of parts that ids are hashed into.
        letter: Key letter of the kind of rows.
    """
    return tuple(f"{{{version}.{part}}}:{letter}:".encode() for part in range(parts))


def pull_set(version: str) -> bytes:
    """Return the one key of the pull set."""
    return f"{{{version}.pull}}:pulled".encode()
