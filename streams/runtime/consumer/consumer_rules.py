"""Which fetched batches a member of the group may use, and what it may commit.

The rules of the consumer, without Faust and Kafka; they ask a `Member` for both.
"""

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple, Protocol

import structlog

from streams.runtime.consumer.fetch_rules import NOTHING, Fetched, OffsetGap
from streams.runtime.consumer.positions import Positions, TopicPartition
from streams.runtime.consumer.raw_batch import RawBatch

log = structlog.get_logger(__name__)

_FETCH_S = 1.0
"""How long a fetch is waited for."""
_FULL_S = 0.02
"""The same while a topic has no room: how soon it is noticed that it has."""
_UNASSIGNED_S = 0.2


class Buffer(NamedTuple):
    """What of a topic may wait for its pipeline, besides one fetch of each partition."""

    size: int = 4_194_304
    """Bytes of keys and values."""
    batches: int = 64


class Member(Protocol):
    """This process in its consumer group: Faust's consumer, and what it knows of the broker."""

    @property
    def generation(self) -> int:
        """Of the group, as this member knows it; one is an assignment of partitions to members."""
        ...

    @property
    def flowing(self) -> bool:
        """Whether messages may be handed out; not so in the midst of a rebalance."""
        ...

    def assignment(self) -> Set[TopicPartition]: ...
    def active(self) -> Set[TopicPartition]:
        """The assigned partitions that are to be fetched now."""
        ...

    def committed(self, partition: TopicPartition) -> int | None:
        """The group's commit as it was at the last seek; None where there is none."""
        ...

    def handed_out(self, partition: TopicPartition) -> int | None:
        """The last offset handed out, or where reading was to begin."""
        ...

    def waiting(self, topic: str) -> Sequence[RawBatch]:
        """What of a topic was handed out and not yet taken by its pipeline."""
        ...

    def take_holes(self) -> Iterator[OffsetGap]: ...

    async def log_start(self, partition: TopicPartition) -> int: ...
    async def seek_to_commits(self) -> None:
        """Move every assigned partition to the group's commit."""
        ...

    async def commit(self) -> object:
        """Commit what may be committed."""
        ...

    async def fetch(self, partitions: Set[TopicPartition], within_s: float) -> Fetched: ...
    async def hand_out(self, partition: TopicPartition, batch: RawBatch, generation: int) -> None:
        """Queue a batch for its topic's pipeline, unless the flow stops meanwhile."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait while nothing is fetched. Raises what went wrong with the group meanwhile."""
        ...


class ConsumerRules:
    """What one member reads: its positions, and the way from the fetcher to the pipelines."""

    def __init__(self, member: Member, buffer: Buffer) -> None:
        self.positions = Positions()
        self._member = member
        self._buffer = buffer
        self._sought: set[TopicPartition] = set()
        self._held: set[TopicPartition] = set()
        """Partitions of which nothing is fetched for now."""

    @property
    def generation(self) -> int:
        return self._member.generation

    async def begin(self, partition: TopicPartition, generation: int, offset: int) -> bool:
        """Note where reading begins in a partition, if that is not known of this generation.

        `offset` is the first one that the fetcher came to. False where the partition is being
        taken away or not yet given: what was fetched of it is not to be used.
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
        """Begin at the commits; from then on the assigned partitions may be read."""
        generation = self.generation
        await self._member.seek_to_commits()
        if generation == self.generation:
            self._sought = set(self._member.assignment())

    async def revoke(self, partitions: Set[TopicPartition]) -> None:
        """The partitions are taken away: commit what is applied, and use no more of them."""
        await self._member.commit()
        self._sought -= partitions
        self.positions.forget(partitions)

    def hold(self, partition: TopicPartition) -> None:
        """Fetch no more of a partition until `resume`; what is fetched already comes on."""
        self._held.add(partition)

    def resume(self, partition: TopicPartition) -> None:
        self._held.discard(partition)

    async def take(self) -> None:
        """Hand out what is fetched next.

        What a rebalance finds on its way here is dropped. Whoever has the partition then reads it
        again, for reading begins at the commits, and the flow does only after that.
        """
        fetched = await self._next()
        for partition, batch in fetched.batches.items():
            if not self._is_current(fetched.generation):
                break
            if batch.last >= (self._member.handed_out(partition) or 0):
                await self._member.hand_out(partition, batch, fetched.generation)

    def _is_current(self, generation: int) -> bool:
        """Whether the partitions are still assigned as they were in that generation."""
        return self._member.flowing and self.generation == generation

    async def _next(self) -> Fetched:
        """Batches of the topics that have room for more; of the others nothing is fetched."""
        active = self._member.active()
        room = {topic: self._has_room(topic) for topic in {topic for topic, _ in active}}
        wanted = active - self._held
        partitions = {partition for partition in wanted if room[partition[0]]}
        if not partitions:
            await self._member.pause(_FULL_S if active else _UNASSIGNED_S)
            return NOTHING
        within_s = _FETCH_S if partitions == active else _FULL_S
        fetched = await self._member.fetch(partitions, within_s)
        await self._note_holes()
        return fetched

    async def _note_holes(self) -> None:
        generation = self.generation
        for hole in self._member.take_holes():
            if await self.begin(hole.partition, generation, hole.start):
                self.positions.hole(hole.partition, hole.start, hole.end)

    def _has_room(self, topic: str) -> bool:
        """Whether what waits for the pipeline leaves room for another fetch of each partition."""
        waiting = self._member.waiting(topic)
        return len(waiting) < self._buffer.batches and (
            sum(batch.size for batch in waiting) < self._buffer.size
        )

    async def _start(self, partition: TopicPartition, offset: int) -> int:
        start = self._member.committed(partition) or 0
        if offset <= start:
            return start
        log_start = await self._member.log_start(partition)
        if 0 < start < log_start:
            log.error(
                "records were removed before this group read them",
                topic=partition[0],
                partition=partition[1],
                committed=start,
                log_start=log_start,
            )
        return max(start, log_start)
