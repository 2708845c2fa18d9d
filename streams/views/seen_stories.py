"""Stories that a viewer has seen, as they are cached."""

import struct
from collections.abc import Collection
from typing import NamedTuple


class Seen(NamedTuple):
    """Stories that a viewer has seen, and stories that the viewer is known not to have seen."""

    seen: frozenset[int] = frozenset()
    unseen: frozenset[int] = frozenset()

    def with_views(self, ids: Collection[int]) -> "Seen":
        """Return these stories after the viewer has viewed the contents `ids`."""
        viewed = self.unseen.intersection(ids)
        return Seen(self.seen | viewed, self.unseen - viewed) if viewed else self

    def pack(self) -> bytes:
        """Return the number of seen ids (4 bytes), then all ids, seen ones first (8 bytes each)."""
        ids = (*sorted(self.seen), *sorted(self.unseen))
        return struct.pack(f">I{len(ids)}Q", len(self.seen), *ids)

    @classmethod
    def unpack(cls, packed: bytes) -> "Seen":
        """Invert `pack`."""
        seen, *ids = struct.unpack(f">I{len(packed) // 8}Q", packed)
        return cls(frozenset(ids[:seen]), frozenset(ids[seen:]))
