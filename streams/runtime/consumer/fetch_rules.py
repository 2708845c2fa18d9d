"""Rules for when a member of the group may fetch, and the offsets of the log without a record.

The rules of the fetching thread need neither Faust nor Kafka; a `Fetcher` gives access to both.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Set
from typing import NamedTuple, Protocol, TypeVar

from streams.record import TopicPartition
from streams.runtime.consumer.raw_batch import RawBatch, Run

T = TypeVar("T")

_REBALANCING_S = 0.02


class OffsetGap(NamedTuple):
    """Offsets from `start` up to, but not including, `end` that hold no record to read."""

    partition: TopicPartition
    start: int
    end: int


class Fetched(NamedTuple):
    """Batches of the partitions as they were assigned in a generation of the group."""

    generation: int
    batches: Mapping[TopicPartition, RawBatch]


NOTHING = Fetched(-1, {})


class Fetcher(Protocol):
    """The client that fetches, and what it knows of the group."""

    @property
    def generation(self) -> int: ...
    @property
    def flowing(self) -> bool:
        """Return whether batches may be enqueued; `False` during a rebalance."""
        ...

    async def reassigned(self) -> bool:
        """Wait for an assignment that is under way; return whether there was one.

        Raises an error once the fetcher is closed.
        """
        ...

    def buffered(self, partitions: Set[TopicPartition]) -> Mapping[TopicPartition, RawBatch]:
        """Return what was already fetched of these partitions."""
        ...

    async def wait_for_fetch(self, within_s: float) -> bool:
        """Wait up to `within_s` seconds for a fetch. Return `False` if nothing is fetched."""
        ...


class FetchRules:
    """Fetch rules of one member: batches are returned only after the seek of their generation.

    A fetch moves a partition's position forward. Offsets between its old and new position that were
    not enqueued are a gap in the log: the marker that ends a transaction, the records of an
    aborted one, or what compaction removed. Records that get lost anywhere behind the fetcher leave
    no such trace.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._gaps: deque[OffsetGap] = deque()
        self._sought = NOTHING.generation
        """Generation whose partitions are positioned where reading is to begin, or further on."""

    async def seek(self, seek: Callable[[], Awaitable[T]]) -> T:
        """Call `seek`, which moves the partitions to where reading begins; return its result."""
        generation, self._sought = self._fetcher.generation, NOTHING.generation
        starts = await seek()
        if generation == self._fetcher.generation:
            self._sought = generation
        return starts

    async def fetch(self, partitions: Set[TopicPartition], within_s: float) -> Fetched:
        """Return what was fetched of these partitions, one batch for each.

        Wait if there is none yet. Partitions that are left out keep what was fetched, and nothing
        more is fetched of them.

        Args:
            within_s: Longest wait, in seconds.

        Returns:
            The batches, which may be empty; `NOTHING` if the flow stops or the generation has had
            no seek.
        """
        fetcher, now = self._fetcher, asyncio.get_running_loop().time
        deadline = now() + within_s
        while fetcher.flowing:
            if await fetcher.reassigned():
                continue  # the flow may have stopped during the wait
            if self._sought != fetcher.generation:
                # The end of an earlier rebalance may start Faust's flow in the midst of the next.
                await asyncio.sleep(_REBALANCING_S)
                return NOTHING
            batches = fetcher.buffered(partitions)
            left = deadline - now()
            if batches or left <= 0 or not await fetcher.wait_for_fetch(left):
                return Fetched(self._sought, batches)
        return NOTHING

    def record_fetch(
        self, partition: TopicPartition, start: int, batch: RawBatch | None, end: int
    ) -> None:
        """Record the gaps of a fetch that moved a partition's position from `start` to `end`.

        Args:
            batch: Records that the fetch found; `None` if it found none.
        """
        self._gaps.extend(_gaps(partition, start, () if batch is None else batch.runs(), end))

    def take_gaps(self) -> Iterator[OffsetGap]:
        """Yield the gaps found since the last call, in order. May be called from another thread."""
        while self._gaps:
            yield self._gaps.popleft()


def _gaps(
    partition: TopicPartition, start: int, runs: Iterable[Run], end: int
) -> Iterator[OffsetGap]:
    expected = start
    for run in runs:
        if run.first > expected:
            yield OffsetGap(partition, expected, run.first)
        expected = run.last + 1
    if end > expected:
        yield OffsetGap(partition, expected, end)
