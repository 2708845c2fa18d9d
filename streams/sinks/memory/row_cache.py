"""Row cache in a dict, with the steps and the losses of the real server, for fast tests."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from streams.views.row_cache import CachedRow, CacheLookup, RefreshTicket


@dataclass(frozen=True, slots=True)
class _StoredRow:
    """Cached row, lease taken under `token` (`packed` is `None`), or row refreshed under it."""

    history: int
    token: bytes
    packed: bytes | None = None
    renewing: bool = False

    @property
    def is_open(self) -> bool:
        """Return whether `fill` may replace this entry."""
        return self.packed is None or self.renewing


class MemoryRowCache:
    """A RowCache whose data `flush`, `evict` and `restart` lose as a server would."""

    def __init__(self) -> None:
        self._held: dict[int, _StoredRow] = {}
        self._history = 0
        self._reads = 0

    def read(self, ids: Collection[int]) -> CacheLookup:
        self._reads += 1
        token = self._reads.to_bytes(16, "big")
        held: dict[int, bytes] = {}
        leased: list[int] = []
        for one in dict.fromkeys(ids):
            found = self._held.get(one)
            if found is None or found.history != self._history:
                self._held[one] = _StoredRow(self._history, token)
                leased.append(one)
            elif found.packed is not None:
                held[one] = found.packed
        return CacheLookup(held, frozenset(leased), token)

    def fill(self, token: bytes, copies: Mapping[int, CachedRow]) -> None:
        for one, copy in copies.items():
            held = self._held.get(one)
            if held and held.is_open and (held.history, held.token) == (self._history, token):
                self._held[one] = _StoredRow(self._history, token, copy.packed)

    def renew(self, ids: Collection[int]) -> RefreshTicket:
        self._reads += 1
        token = self._reads.to_bytes(16, "big")
        old: dict[int, bytes] = {}
        for one in ids:
            found = self._held.pop(one, None)
            if not found or found.history != self._history or found.renewing:
                continue
            if found.packed is not None:
                old[one] = found.packed
                self._held[one] = _StoredRow(self._history, token, found.packed, renewing=True)
        return RefreshTicket(old, token)

    def drop(self, ids: Collection[int]) -> None:
        for one in ids:
            self._held.pop(one, None)

    def flush(self) -> None:
        """Lose everything at once (FLUSHALL)."""
        self._held.clear()

    def evict(self, one: int) -> None:
        """Lose one cached row or lease, as eviction and expiry do."""
        self._held.pop(one, None)

    def restart(self) -> None:
        """Start another history with the data of an earlier moment (here: of the current one)."""
        self._history += 1
