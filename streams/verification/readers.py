"""Readers whose feeds are verified: named ones, or a sample drawn while the log is read once."""

from collections.abc import Iterable
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

_MIX: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
"""The two rounds of splitmix64: shift and multiplier."""
_GOLDEN: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1


class Readers(Protocol):
    """Port of the readers to verify, as far as they are known by now."""

    def notice(self, followers: pa.Array) -> None:
        """Add users (int64) that follow another user by an event of the log."""
        ...

    def may_be(self, users: pa.Array) -> pa.Array:
        """Return for each user whether it is, or may still become, one of the readers.

        `False` is final: a user that was left out once is not a reader at the end.
        """
        ...

    @property
    def ids(self) -> tuple[int, ...]:
        """The readers' ids, ascending; final after `notice` was called with all followers."""
        ...


class NamedReaders:
    """Readers given by their ids."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = tuple(sorted(set(ids)))
        self._values = pa.array(self.ids, pa.int64())

    def notice(self, followers: pa.Array) -> None:
        """Ignore the followers: the readers are fixed."""

    def may_be(self, users: pa.Array) -> pa.Array:
        return pc.is_in(users, value_set=self._values)


class SampledReaders:
    """The `size` followers with the smallest hashes: a uniform sample, determined by the seed.

    As more users are seen, a user can only drop out of the smallest. So the events of a sample can
    be collected in the same pass that draws it, in little memory.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._kept = pa.array([], pa.int64())
        self._limit = _MASK

    def notice(self, followers: pa.Array) -> None:
        near = pc.unique(followers.filter(self.may_be(followers)))
        known = pc.unique(pa.concat_arrays([self._kept, near]))
        hashes = _hashes(known, self._seed)
        order = pc.sort_indices(hashes)[: self._size]
        self._kept = known.take(order)
        if len(order) == self._size:
            self._limit = hashes[order[-1].as_py()].as_py()

    def may_be(self, users: pa.Array) -> pa.Array:
        return pc.less_equal(_hashes(users, self._seed), pa.scalar(self._limit, pa.uint64()))

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(sorted(self._kept.to_pylist()))


def _hashes(users: pa.Array, seed: int) -> pa.Array:
    """Return splitmix64 of the ids (uint64), which maps no two of them to one value."""
    start = pa.scalar((seed * _GOLDEN + _GOLDEN) & _MASK, pa.uint64())
    mixed = pc.bit_wise_xor(users.cast(pa.uint64()), start)
    for shift, factor in _MIX:
        shifted = pc.shift_right(mixed, pa.scalar(shift, pa.uint64()))
        mixed = pc.multiply(pc.bit_wise_xor(mixed, shifted), pa.scalar(factor, pa.uint64()))
    return pc.bit_wise_xor(mixed, pc.shift_right(mixed, pa.scalar(31, pa.uint64())))
