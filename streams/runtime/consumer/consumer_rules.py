"""Rules for the fetched batches that a member of the group may use, and for what it may commit.

The rules need neither Faust nor Kafka; a `Consumer` gives access to both.
"""

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple, Protocol

import structlog

from streams.record import TopicPartition
from streams.runtime.consumer.fetch_rules import NOTHING, Fetched, OffsetGap
from streams.runtime.consumer.positions import Positions
from streams.runtime.consumer.raw_batch import RawBatch

log = structlog.get_logger(__name__)

_FETCH_S = 1.0
"""Seconds that a fetch waits for records."""
_FULL_S = 0.02
"""Seconds that a fetch waits while a topic has no room: how soon new room is noticed."""
_UNASSIGNED_S = 0.2


class Buffer(NamedTuple):
    """Limits on a topic's records that wait for its pipeline, besides one fetch per partition."""

    size: int = 4_194_304
    """Bytes of keys and values."""
    batches: int = 64


class Consumer(Protocol):
    """This process in its consumer group: Faust's consumer, and what it knows of the broker."""

    @property
    def generation(self) -> int:
        """Generation of the group as this member knows it: one assignment of partitions."""
        ...

    @property
    def flowing(self) -> bool:
        """Return whether batches may be enqueued; `False` during a rebalance."""
        ...

    def assignment(self) -> Set[TopicPartition]: ...
    def active(self) -> Set[TopicPartition]:
        """Return the assigned partitions that are to be fetched now."""
        ...

    def committed(self, partition: TopicPartition) -> int | None:
        """Return the group's commit as of the last seek; `None` if there is none."""
        ...

    def last_enqueued(self, partition: TopicPartition) -> int | None:
        """Return the last offset enqueued, or the offset where reading was to begin."""
        ...

    def pending(self, topic: str) -> Sequence[RawBatch]:
        """Return a topic's batches that are enqueued and that its pipeline has not taken yet."""
        ...

    def take_gaps(self) -> Iterator[OffsetGap]: ...

    async def log_start(self, partition: TopicPartition) -> int: ...
    async def seek_to_commits(self) -> None:
        """Move every assigned partition to the group's commit."""
        ...

    async def commit(self) -> object:
        """Commit what may be committed."""
        ...

    async def fetch(self, partitions: Set[TopicPartition], within_s: float) -> Fetched: ...
    async def enqueue(self, partition: TopicPartition, batch: RawBatch, generation: int) -> None:
        """Queue a batch for its topic's pipeline, unless the flow stops first."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait while nothing is fetched. Raise the group's error if there is one."""
        ...


class ConsumerRules:
    """Reading of one member: its positions, and the path from the fetcher to the pipelines."""

    def __init__(self, consumer: Consumer, buffer: Buffer) -> None:
        self.positions = Positions()
        self._consumer = consumer
        self._buffer = buffer
        self._sought: set[TopicPartition] = set()
        self._held: set[TopicPartition] = set()
        """Partitions that are not fetched for now."""

    @property
    def generation(self) -> int:
        return self._consumer.generation

    async def begin(self, partition: TopicPartition, generation: int, offset: int) -> bool:
        """Record where reading begins in a partition, unless that is known for this generation.

        Args:
            generation: Generation of the group in which the partition was fetched.
            offset: First offset that the fetcher came to.

        Returns:
            `False` if the partition is being revoked or is not assigned yet; what was fetched of it
            must not be used then. `True` otherwise.
        """
        if self.positions.knows(partition, generation):
            return True
        if partition not in self._sought:
            return False
        start = await self._start(partition, offset)
        if partition not in self._sought or generation != self.generation:
            return False
        if not self.positions.knows(partition, generation):
            self.positions.start(partition, generation, start)
        return True

    async def seek(self) -> None:
        """Move to the commits; from then on the assigned partitions may be read."""
        generation = self.generation
        await self._consumer.seek_to_commits()
        if generation == self.generation:
            self._sought = set(self._consumer.assignment())

    async def revoke(self, partitions: Set[TopicPartition]) -> None:
        """Commit what is applied, and stop the use of partitions that the group takes away."""
        await self._consumer.commit()
        self._sought -= partitions
        self.positions.forget(partitions)

    def hold(self, partition: TopicPartition) -> None:
        """Fetch no more of a partition until `resume`; what is already fetched still comes."""
        self._held.add(partition)

    def resume(self, partition: TopicPartition) -> None:
        self._held.discard(partition)

    async def fetch_next(self) -> None:
        """Hand out what is fetched next.

        Batches that a rebalance overtakes on their way here are dropped. The member that has the
        partition after it reads them again, because reading begins at the commits, and messages
        flow only after that.
        """
        fetched = await self._next()
        for partition, batch in fetched.batches.items():
            if not self._is_current(fetched.generation):
                break
            if batch.last >= (self._consumer.last_enqueued(partition) or 0):
                await self._consumer.enqueue(partition, batch, fetched.generation)

    def _is_current(self, generation: int) -> bool:
        """Return whether messages flow and the assignment is still that of `generation`."""
        return self._consumer.flowing and self.generation == generation

    async def _next(self) -> Fetched:
        """Return batches of the topics that have room for more; the others are not fetched."""
        active = self._consumer.active()
        room = {topic: self._has_room(topic) for topic in {topic for topic, _ in active}}
        requested = active - self._held
        partitions = {partition for partition in requested if room[partition[0]]}
        if not partitions:
            await self._consumer.pause(_FULL_S if active else _UNASSIGNED_S)
            return NOTHING
        within_s = _FETCH_S if partitions == active else _FULL_S
        fetched = await self._consumer.fetch(partitions, within_s)
        await self._record_gaps()
        return fetched

    async def _record_gaps(self) -> None:
        generation = self.generation
        for gap in self._consumer.take_gaps():
            if await self.begin(gap.partition, generation, gap.start):
                self.positions.add_gap(gap.partition, gap.start, gap.end)

    def _has_room(self, topic: str) -> bool:
        """Return whether pending batches leave room for another fetch of each partition."""
        pending = self._consumer.pending(topic)
        return len(pending) < self._buffer.batches and (
            sum(batch.size for batch in pending) < self._buffer.size
        )

    async def _start(self, partition: TopicPartition, offset: int) -> int:
        start = self._consumer.committed(partition) or 0
        if offset <= start:
            return start
        log_start = await self._consumer.log_start(partition)
        if 0 < start < log_start:
            log.error(
                "records were removed before this group read them",
                topic=partition[0],
                partition=partition[1],
                committed=start,
                log_start=log_start,
            )
        return max(start, log_start)
