"""When a member of the group may fetch, and which offsets of the log hold no record.

The rules of the fetching thread, without Faust and Kafka; they ask a `Fetcher` for both.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Set
from typing import NamedTuple, Protocol, TypeVar

from streams.runtime.consumer.positions import TopicPartition
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
        """Whether messages may be handed out; not so in the midst of a rebalance."""
        ...

    async def reassigned(self) -> bool:
        """True after waiting for an assignment that is under way. Raises once it is closed."""
        ...

    def at_hand(self, partitions: Set[TopicPartition]) -> Mapping[TopicPartition, RawBatch]:
        """What was fetched of these partitions already."""
        ...

    async def more(self, within_s: float) -> bool:
        """Wait until something was fetched; False if nothing was in time."""
        ...


class FetchRules:
    """Hands out fetched batches of a generation once its partitions stand where reading begins.

    A fetch moves a partition's position from where it stood to where it stands; what lies between
    the two and was not handed out is a hole in the log: the marker that ends a transaction, the
    records of an aborted one, what compaction removed. Records that get lost anywhere behind the
    fetcher leave no such trace.
    """

    def __init__(self, source: Fetcher) -> None:
        self._source = source
        self._holes: deque[OffsetGap] = deque()
        self._sought = NOTHING.generation
        """The generation whose partitions stand where reading is to begin, or further on."""

    async def seek(self, seek: Callable[[], Awaitable[T]]) -> T:
        """Let `seek` move the partitions to where reading is to begin."""
        generation, self._sought = self._source.generation, NOTHING.generation
        starts = await seek()
        if generation == self._source.generation:
            self._sought = generation
        return starts

    async def fetch(self, partitions: Set[TopicPartition], within_s: float) -> Fetched:
        """What was fetched of these partitions, a batch for each; waits for some if there is none.

        Partitions that are left out keep what was fetched, and nothing more is fetched of them.
        """
        source, now = self._source, asyncio.get_running_loop().time
        deadline = now() + within_s
        while source.flowing:
            if await source.reassigned():
                continue  # the flow may have stopped meanwhile
            if self._sought != source.generation:
                # Faust may let an earlier rebalance's end start the flow in the midst of the next.
                await asyncio.sleep(_REBALANCING_S)
                return NOTHING
            batches = source.at_hand(partitions)
            left = deadline - now()
            if batches or left <= 0 or not await source.more(left):
                return Fetched(self._sought, batches)
        return NOTHING

    def passed(
        self, partition: TopicPartition, start: int, batch: RawBatch | None, end: int
    ) -> None:
        """A fetch moved the partition's position from `start` to `end` and found this batch."""
        self._holes.extend(_holes(partition, start, () if batch is None else batch.runs(), end))

    def take_holes(self) -> Iterator[OffsetGap]:
        """The holes met since the last call, in order. May be called from another thread."""
        while self._holes:
            yield self._holes.popleft()


def _holes(
    partition: TopicPartition, start: int, runs: Iterable[Run], end: int
) -> Iterator[OffsetGap]:
    at = start
    for run in runs:
        if run.first > at:
            yield OffsetGap(partition, at, run.first)
        at = run.last + 1
    if end > at:
        yield OffsetGap(partition, at, end)
