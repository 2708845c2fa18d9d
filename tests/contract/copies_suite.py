"""What all Copies must do, whatever they are made of."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import pytest

from streams.views.row_cache import CachedRow, RowCache

ANN, BOB, EVE = 1, 2, (1 << 63) - 1


class CopyServer(ABC):
    """A server that holds copies, and what can befall it."""

    copies: RowCache

    @abstractmethod
    def flush(self) -> None:
        """Lose everything."""

    @abstractmethod
    def evict(self, one: int) -> None:
        """Lose one copy or lease."""

    @abstractmethod
    def new_history(self) -> None:
        """Go on with the data there was, as after a restart or a fail-over."""


def fill(copies: RowCache, packed: Mapping[int, bytes]) -> None:
    """Read and fill, as who reads a row does it."""
    leased = copies.read(packed)
    copies.fill(leased.token, {one: CachedRow(row, 60) for one, row in packed.items()})


class CopySuite:
    """Subclass it with a fixture `server`."""

    @pytest.fixture
    def copies(self, server: CopyServer) -> RowCache:
        return server.copies

    def test_who_finds_nothing_may_fill_it_in(self, copies: RowCache) -> None:
        first = copies.read([ANN, BOB])
        assert (first.held, set(first.leased)) == ({}, {ANN, BOB})
        copies.fill(first.token, {ANN: CachedRow(b"a", 60), BOB: CachedRow(b"", 60)})
        second = copies.read([BOB, ANN, EVE, ANN])
        assert (second.held, set(second.leased)) == ({ANN: b"a", BOB: b""}, {EVE})

    def test_only_one_may(self, copies: RowCache) -> None:
        first, second = copies.read([ANN]), copies.read([ANN])
        assert second.held == {}
        assert not second.leased
        copies.fill(second.token, {ANN: CachedRow(b"second", 60)})
        assert copies.read([ANN]).held == {}
        copies.fill(first.token, {ANN: CachedRow(b"first", 60)})
        assert copies.read([ANN]).held == {ANN: b"first"}

    def test_nothing_is_asked(self, copies: RowCache) -> None:
        found = copies.read([])
        assert (found.held, set(found.leased)) == ({}, set())
        copies.fill(found.token, {})
        copies.drop([])
        assert copies.renew([]).old == {}

    def test_very_many_at_once(self, copies: RowCache) -> None:
        rows = {one: b"%d" % one for one in range(1, 2000)}
        fill(copies, rows)
        assert copies.read(rows).held == rows
        assert copies.renew(rows).old == rows
        copies.drop(rows)
        assert copies.read(rows).held == {}

    def test_any_bytes_come_back(self, copies: RowCache) -> None:
        row = bytes(range(256)) * 40
        fill(copies, {EVE: row})
        assert copies.read([EVE]).held == {EVE: row}

    def test_a_dropped_copy_is_gone(self, copies: RowCache) -> None:
        fill(copies, {ANN: b"a", BOB: b"b"})
        copies.drop([ANN])
        found = copies.read([ANN, BOB])
        assert (found.held, set(found.leased)) == ({BOB: b"b"}, {ANN})

    def test_what_was_read_before_a_change_is_not_filled_in_after_it(
        self, copies: RowCache
    ) -> None:
        slow = copies.read([ANN])
        copies.drop([ANN])
        copies.fill(slow.token, {ANN: CachedRow(b"old", 60)})
        assert copies.read([ANN]).held == {}

    def test_nor_over_what_was_read_after_it(self, copies: RowCache) -> None:
        slow = copies.read([ANN])
        copies.drop([ANN])
        fill(copies, {ANN: b"new"})
        copies.fill(slow.token, {ANN: CachedRow(b"old", 60)})
        assert copies.read([ANN]).held == {ANN: b"new"}

    def test_nothing_is_filled_in_twice(self, copies: RowCache) -> None:
        lease = copies.read([ANN])
        copies.fill(lease.token, {ANN: CachedRow(b"first", 60)})
        copies.fill(lease.token, {ANN: CachedRow(b"second", 60)})
        assert copies.read([ANN]).held == {ANN: b"first"}

    def test_a_copy_is_read_until_its_renewal_is_there(self, copies: RowCache) -> None:
        fill(copies, {ANN: b"old", BOB: b"b"})
        renewed = copies.renew([ANN, EVE])
        assert renewed.old == {ANN: b"old"}
        assert copies.read([ANN, BOB]).held == {ANN: b"old", BOB: b"b"}
        copies.fill(renewed.token, {ANN: CachedRow(b"new", 60), EVE: CachedRow(b"eve", 60)})
        found = copies.read([ANN, EVE])
        assert (found.held, set(found.leased)) == ({ANN: b"new"}, {EVE})

    def test_what_was_read_before_a_renewal_is_not_filled_in_after_it(
        self, copies: RowCache
    ) -> None:
        slow = copies.read([ANN])
        assert copies.renew([ANN]).old == {}
        copies.fill(slow.token, {ANN: CachedRow(b"old", 60)})
        found = copies.read([ANN])
        assert (found.held, set(found.leased)) == ({}, {ANN})

    def test_of_two_who_renew_one_copy_neither_knows_all(self, copies: RowCache) -> None:
        fill(copies, {ANN: b"old"})
        first, second = copies.renew([ANN]), copies.renew([ANN])
        assert (first.old, second.old) == ({ANN: b"old"}, {})
        copies.fill(first.token, {ANN: CachedRow(b"first", 60)})
        copies.fill(second.token, {ANN: CachedRow(b"second", 60)})
        assert copies.read([ANN]).held == {}

    def test_a_dropped_copy_is_not_renewed(self, copies: RowCache) -> None:
        fill(copies, {ANN: b"old"})
        renewed = copies.renew([ANN])
        copies.drop([ANN])
        copies.fill(renewed.token, {ANN: CachedRow(b"new", 60)})
        assert copies.read([ANN]).held == {}

    def test_nor_in_another_life_of_the_server(self, server: CopyServer, copies: RowCache) -> None:
        fill(copies, {ANN: b"a", BOB: b"b"})
        renewed = copies.renew([ANN])
        server.new_history()
        copies.fill(renewed.token, {ANN: CachedRow(b"new", 60)})
        assert copies.renew([ANN, BOB]).old == {}
        assert copies.read([ANN]).held == {}

    def test_a_lost_lease_fills_in_nothing(self, server: CopyServer, copies: RowCache) -> None:
        lease = copies.read([ANN])
        server.evict(ANN)
        copies.fill(lease.token, {ANN: CachedRow(b"a", 60)})
        found = copies.read([ANN])
        assert (found.held, set(found.leased)) == ({}, {ANN})

    def test_a_flush_loses_copies_and_leases(self, server: CopyServer, copies: RowCache) -> None:
        fill(copies, {ANN: b"a"})
        lease = copies.read([BOB])
        server.flush()
        copies.fill(lease.token, {BOB: CachedRow(b"b", 60)})
        found = copies.read([ANN, BOB])
        assert (found.held, set(found.leased)) == ({}, {ANN, BOB})

    def test_nothing_outlives_the_servers_life(self, server: CopyServer, copies: RowCache) -> None:
        fill(copies, {ANN: b"a"})
        lease = copies.read([BOB])
        server.new_history()
        copies.fill(lease.token, {BOB: CachedRow(b"b", 60)})
        found = copies.read([ANN, BOB])
        assert (found.held, set(found.leased)) == ({}, {ANN, BOB})
