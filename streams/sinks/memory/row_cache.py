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
    refreshing: bool = False

    @property
    def is_open(self) -> bool:
        """Return whether `fill` may replace this entry."""
        return self.packed is None or self.refreshing


class MemoryRowCache:
    """A RowCache whose data `flush`, `evict` and `restart` lose as a server would."""

    def __init__(self) -> None:
        self._held: dict[int, _StoredRow] = {}
        self._history = 0
        self._calls = 0

    def get(self, ids: Collection[int]) -> CacheLookup:
        self._calls += 1
        token = self._calls.to_bytes(16, "big")
        held: dict[int, bytes] = {}
        leased: list[int] = []
        for row_id in dict.fromkeys(ids):
            found = self._held.get(row_id)
            if found is None or found.history != self._history:
                self._held[row_id] = _StoredRow(self._history, token)
                leased.append(row_id)
            elif found.packed is not None:
                held[row_id] = found.packed
        return CacheLookup(held, frozenset(leased), token)

    def fill(self, token: bytes, rows: Mapping[int, CachedRow]) -> None:
        for row_id, row in rows.items():
            held = self._held.get(row_id)
            if held and held.is_open and (held.history, held.token) == (self._history, token):
                self._held[row_id] = _StoredRow(self._history, token, row.packed)

    def refresh(self, ids: Collection[int]) -> RefreshTicket:
        self._calls += 1
        token = self._calls.to_bytes(16, "big")
        old: dict[int, bytes] = {}
        for row_id in ids:
            found = self._held.pop(row_id, None)
            if not found or found.history != self._history or found.refreshing:
                continue
            if found.packed is not None:
                old[row_id] = found.packed
                self._held[row_id] = _StoredRow(self._history, token, found.packed, refreshing=True)
        return RefreshTicket(old, token)

    def invalidate(self, ids: Collection[int]) -> None:
        for row_id in ids:
            self._held.pop(row_id, None)

    def flush(self) -> None:
        """Lose everything at once (FLUSHALL)."""
        self._held.clear()

    def evict(self, row_id: int) -> None:
        """Lose one cached row or lease, as eviction and expiry do."""
        self._held.pop(row_id, None)

    def restart(self) -> None:
        """Start another history with the data of an earlier moment (here: of the current one)."""
        self._history += 1
