"""Position of each partition: which offset must come next, and which may be committed.

Faust 0.15 keeps a list of single acknowledged offsets, takes a jump in offsets for a gap in the log
and acknowledges what it skips at a rebalance; each of these can commit past a record that nothing
has applied. Here a position only moves over records that arrived in sequence, and over gaps that
the fetcher found in the log itself: markers of transactions, records of aborted ones, what
compaction removed. Any other jump ends the process, so that the next one reads again.
"""

from collections.abc import Set

from streams.record import TopicPartition


class PositionGapError(RuntimeError):
    """Gap between two positions whose records never arrived.

    Reading must begin again at the commit.
    """

    def __init__(self, partition: TopicPartition, expected: int, got: int) -> None:
        super().__init__(
            f"{partition[0]}[{partition[1]}]: expected offset {expected}, got {got}; "
            "reading again from the last commit"
        )


class _PartitionOffsets:
    __slots__ = ("applied", "expected", "gaps", "generation", "start")

    def __init__(self, generation: int, start: int) -> None:
        self.generation = generation
        self.start = start
        self.expected = start
        self.applied = start
        self.gaps: dict[int, int] = {}

    def skip_gaps(self, offset: int) -> int:
        """Return the first offset, from `offset` on, that no known gap covers."""
        return next((end for start, end in self.gaps.items() if start <= offset < end), offset)


class Positions:
    """Positions of the partitions that this member of the group reads.

    A generation is one assignment of partitions to the members. What a batch of an earlier
    generation applied is read again rather than acknowledged.
    """

    def __init__(self) -> None:
        self._partitions: dict[TopicPartition, _PartitionOffsets] = {}

    def knows(self, partition: TopicPartition, generation: int) -> bool:
        offsets = self._partitions.get(partition)
        return offsets is not None and offsets.generation == generation

    def start(self, partition: TopicPartition, generation: int, offset: int) -> None:
        """Record the group's position in a partition that was assigned."""
        self._partitions[partition] = _PartitionOffsets(generation, offset)

    def received(self, partition: TopicPartition, first: int, last: int) -> None:
        """Record that records `first` to `last`, both included, arrived with none left out.

        Offsets may repeat.

        Raises:
            PositionGapError: If the offsets jump ahead.
        """
        offsets = self._partitions[partition]
        if last < offsets.expected:
            return
        expected = offsets.skip_gaps(offsets.expected)
        begins = max(first, offsets.expected)
        if begins != expected:
            raise PositionGapError(partition, expected, begins)
        offsets.expected = last + 1

    def add_gap(self, partition: TopicPartition, start: int, end: int) -> None:
        """Record that the log holds no record to read from `start` up to, but not including, `end`.

        Gaps may overlap, because records that are read again may be found from another offset on.
        Gaps that overlap or touch are merged, so a log of nothing but aborted transactions has one
        gap.
        """
        gaps = self._partitions[partition].gaps
        for at, other_end in [*gaps.items()]:
            if at <= end and start <= other_end:
                del gaps[at]
                start, end = min(at, start), max(other_end, end)
        gaps[start] = end

    def applied(self, partition: TopicPartition, generation: int, offset: int) -> None:
        """Record that all records up to and including `offset` are applied.

        Has no effect if the assignment is no longer that of `generation`.
        """
        offsets = self._partitions.get(partition)
        if offsets is not None and offsets.generation == generation:
            offsets.applied = max(offsets.applied, offset + 1)
            if offsets.gaps:
                remaining = {at: end for at, end in offsets.gaps.items() if end > offsets.applied}
                offsets.gaps = remaining

    def at(self, partition: TopicPartition) -> int | None:
        """Return the first offset that may hold an unapplied record; `None` before reading."""
        offsets = self._partitions.get(partition)
        return None if offsets is None else offsets.skip_gaps(offsets.applied)

    def committable(self, partition: TopicPartition) -> int | None:
        """Return the offset to commit; `None` if it is still where reading started."""
        offsets = self._partitions.get(partition)
        offset = self.at(partition)
        if offsets is None or offset is None:
            return None
        return offset if offset > offsets.start else None

    def partitions(self) -> tuple[TopicPartition, ...]:
        return tuple(self._partitions)

    def forget(self, partitions: Set[TopicPartition]) -> None:
        """Drop the positions of partitions that were taken away."""
        for partition in partitions:
            self._partitions.pop(partition, None)
