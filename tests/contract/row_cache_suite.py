"""Suite of every RowCache, whatever server it has."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import pytest

from streams.views.row_cache import CachedRow, RowCache

ANN, BOB, EVE = 1, 2, (1 << 63) - 1


class RowCacheServer(ABC):
    """A server that holds a row cache, and the ways in which it loses data."""

    cache: RowCache

    @abstractmethod
    def flush(self) -> None:
        """Lose everything."""

    @abstractmethod
    def evict(self, row_id: int) -> None:
        """Lose one row or lease."""

    @abstractmethod
    def new_history(self) -> None:
        """Continue with the same data, as after a restart or a fail-over."""


def fill(cache: RowCache, packed: Mapping[int, bytes]) -> None:
    """Get and fill rows, as a reader does."""
    lookup = cache.get(packed)
    cache.fill(lookup.token, {i: CachedRow(row, 60) for i, row in packed.items()})


class RowCacheSuite:
    """Subclass it with a fixture `server`."""

    @pytest.fixture
    def cache(self, server: RowCacheServer) -> RowCache:
        return server.cache

    def test_miss_leases_the_row_to_the_caller(self, cache: RowCache) -> None:
        first = cache.get([ANN, BOB])
        assert (first.held, set(first.leased)) == ({}, {ANN, BOB})
        cache.fill(first.token, {ANN: CachedRow(b"a", 60), BOB: CachedRow(b"", 60)})
        second = cache.get([BOB, ANN, EVE, ANN])
        assert (second.held, set(second.leased)) == ({ANN: b"a", BOB: b""}, {EVE})

    def test_row_is_leased_to_one_caller_only(self, cache: RowCache) -> None:
        first, second = cache.get([ANN]), cache.get([ANN])
        assert second.held == {}
        assert not second.leased
        cache.fill(second.token, {ANN: CachedRow(b"second", 60)})
        assert cache.get([ANN]).held == {}
        cache.fill(first.token, {ANN: CachedRow(b"first", 60)})
        assert cache.get([ANN]).held == {ANN: b"first"}

    def test_empty_arguments_change_nothing(self, cache: RowCache) -> None:
        found = cache.get([])
        assert (found.held, set(found.leased)) == ({}, set())
        cache.fill(found.token, {})
        cache.invalidate([])
        assert cache.refresh([]).old == {}

    def test_thousands_of_rows_at_once(self, cache: RowCache) -> None:
        rows = {i: b"%d" % i for i in range(1, 2000)}
        fill(cache, rows)
        assert cache.get(rows).held == rows
        assert cache.refresh(rows).old == rows
        cache.invalidate(rows)
        assert cache.get(rows).held == {}

    def test_any_bytes_are_returned_unchanged(self, cache: RowCache) -> None:
        row = bytes(range(256)) * 40
        fill(cache, {EVE: row})
        assert cache.get([EVE]).held == {EVE: row}

    def test_invalidated_row_is_missing_and_leased(self, cache: RowCache) -> None:
        fill(cache, {ANN: b"a", BOB: b"b"})
        cache.invalidate([ANN])
        found = cache.get([ANN, BOB])
        assert (found.held, set(found.leased)) == ({BOB: b"b"}, {ANN})

    def test_row_read_before_an_invalidation_is_not_filled_in(self, cache: RowCache) -> None:
        slow = cache.get([ANN])
        cache.invalidate([ANN])
        cache.fill(slow.token, {ANN: CachedRow(b"old", 60)})
        assert cache.get([ANN]).held == {}

    def test_row_read_before_an_invalidation_does_not_replace_a_newer_one(
        self, cache: RowCache
    ) -> None:
        slow = cache.get([ANN])
        cache.invalidate([ANN])
        fill(cache, {ANN: b"new"})
        cache.fill(slow.token, {ANN: CachedRow(b"old", 60)})
        assert cache.get([ANN]).held == {ANN: b"new"}

    def test_second_fill_under_one_lease_changes_nothing(self, cache: RowCache) -> None:
        lease = cache.get([ANN])
        cache.fill(lease.token, {ANN: CachedRow(b"first", 60)})
        cache.fill(lease.token, {ANN: CachedRow(b"second", 60)})
        assert cache.get([ANN]).held == {ANN: b"first"}

    def test_old_row_is_returned_until_it_is_refreshed(self, cache: RowCache) -> None:
        fill(cache, {ANN: b"old", BOB: b"b"})
        ticket = cache.refresh([ANN, EVE])
        assert ticket.old == {ANN: b"old"}
        assert cache.get([ANN, BOB]).held == {ANN: b"old", BOB: b"b"}
        cache.fill(ticket.token, {ANN: CachedRow(b"new", 60), EVE: CachedRow(b"eve", 60)})
        found = cache.get([ANN, EVE])
        assert (found.held, set(found.leased)) == ({ANN: b"new"}, {EVE})

    def test_row_read_before_a_refresh_is_not_filled_in(self, cache: RowCache) -> None:
        slow = cache.get([ANN])
        assert cache.refresh([ANN]).old == {}
        cache.fill(slow.token, {ANN: CachedRow(b"old", 60)})
        found = cache.get([ANN])
        assert (found.held, set(found.leased)) == ({}, {ANN})

    def test_concurrent_refreshes_of_one_row_drop_it(self, cache: RowCache) -> None:
        fill(cache, {ANN: b"old"})
        first, second = cache.refresh([ANN]), cache.refresh([ANN])
        assert (first.old, second.old) == ({ANN: b"old"}, {})
        cache.fill(first.token, {ANN: CachedRow(b"first", 60)})
        cache.fill(second.token, {ANN: CachedRow(b"second", 60)})
        assert cache.get([ANN]).held == {}

    def test_invalidated_row_is_not_refreshed(self, cache: RowCache) -> None:
        fill(cache, {ANN: b"old"})
        ticket = cache.refresh([ANN])
        cache.invalidate([ANN])
        cache.fill(ticket.token, {ANN: CachedRow(b"new", 60)})
        assert cache.get([ANN]).held == {}

    def test_refresh_does_not_outlive_a_restart(
        self, server: RowCacheServer, cache: RowCache
    ) -> None:
        fill(cache, {ANN: b"a", BOB: b"b"})
        ticket = cache.refresh([ANN])
        server.new_history()
        cache.fill(ticket.token, {ANN: CachedRow(b"new", 60)})
        assert cache.refresh([ANN, BOB]).old == {}
        assert cache.get([ANN]).held == {}

    def test_evicted_lease_fills_in_nothing(self, server: RowCacheServer, cache: RowCache) -> None:
        lease = cache.get([ANN])
        server.evict(ANN)
        cache.fill(lease.token, {ANN: CachedRow(b"a", 60)})
        found = cache.get([ANN])
        assert (found.held, set(found.leased)) == ({}, {ANN})

    def test_flush_loses_rows_and_leases(self, server: RowCacheServer, cache: RowCache) -> None:
        fill(cache, {ANN: b"a"})
        lease = cache.get([BOB])
        server.flush()
        cache.fill(lease.token, {BOB: CachedRow(b"b", 60)})
        found = cache.get([ANN, BOB])
        assert (found.held, set(found.leased)) == ({}, {ANN, BOB})

    def test_rows_and_leases_do_not_outlive_a_restart(
        self, server: RowCacheServer, cache: RowCache
    ) -> None:
        fill(cache, {ANN: b"a"})
        lease = cache.get([BOB])
        server.new_history()
        cache.fill(lease.token, {BOB: CachedRow(b"b", 60)})
        found = cache.get([ANN, BOB])
        assert (found.held, set(found.leased)) == ({}, {ANN, BOB})
