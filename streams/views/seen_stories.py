"""Which stories a viewer has seen, as it is copied."""

import struct
from collections.abc import Collection
from typing import NamedTuple


class Seen(NamedTuple):
    """Of some stories, which a viewer has seen and which not."""

    seen: frozenset[int] = frozenset()
    unseen: frozenset[int] = frozenset()

    def with_views(self, ids: Collection[int]) -> "Seen":
        """The same stories after the viewer has viewed these contents."""
        viewed = self.unseen.intersection(ids)
        return Seen(self.seen | viewed, self.unseen - viewed) if viewed else self

    def pack(self) -> bytes:
        """How many were seen (4 bytes), then all ids."""
        ids = (*sorted(self.seen), *sorted(self.unseen))
        return struct.pack(f">I{len(ids)}Q", len(self.seen), *ids)

    @classmethod
    def unpack(cls, packed: bytes) -> "Seen":
        """The inverse of `pack`."""
        seen, *ids = struct.unpack(f">I{len(packed) // 8}Q", packed)
        return cls(frozenset(ids[:seen]), frozenset(ids[seen:]))
