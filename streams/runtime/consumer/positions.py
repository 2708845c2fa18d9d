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
    __slots__ = ("applied", "expected", "generation", "holes", "start")

    def __init__(self, generation: int, start: int) -> None:
        self.generation = generation
        self.start = start
        self.expected = start
        self.applied = start
        self.holes: dict[int, int] = {}

    def past_holes(self, offset: int) -> int:
        """Return the first offset, from `offset` on, that no known gap covers."""
        return next((end for start, end in self.holes.items() if start <= offset < end), offset)


class Positions:
    """Positions of the partitions that this member of the group reads.

    A generation is one assignment of partitions to the members. What a batch of an earlier
    generation applied is read again rather than acknowledged.
    """

    def __init__(self) -> None:
        self._readings: dict[TopicPartition, _PartitionOffsets] = {}

    def knows(self, partition: TopicPartition, generation: int) -> bool:
        reading = self._readings.get(partition)
        return reading is not None and reading.generation == generation

    def start(self, partition: TopicPartition, generation: int, offset: int) -> None:
        """Record the group's position in a partition that was assigned."""
        self._readings[partition] = _PartitionOffsets(generation, offset)

    def arrived(self, partition: TopicPartition, first: int, last: int) -> None:
        """Record that records `first` to `last`, both included, arrived with none left out.

        Offsets may repeat.

        Raises:
            PositionGapError: If the offsets jump ahead.
        """
        reading = self._readings[partition]
        if last < reading.expected:
            return
        expected = reading.past_holes(reading.expected)
        begins = max(first, reading.expected)
        if begins != expected:
            raise PositionGapError(partition, expected, begins)
        reading.expected = last + 1

    def hole(self, partition: TopicPartition, start: int, end: int) -> None:
        """Record that the log holds no record to read from `start` up to, but not including, `end`.

        Gaps may overlap, because records that are read again may be found from another offset on.
        Gaps that overlap or touch are merged, so a log of nothing but aborted transactions has one
        gap.
        """
        holes = self._readings[partition].holes
        for at, till in [*holes.items()]:
            if at <= end and start <= till:
                del holes[at]
                start, end = min(at, start), max(till, end)
        holes[start] = end

    def applied(self, partition: TopicPartition, generation: int, offset: int) -> None:
        """Record that all records up to and including `offset` are applied.

        Has no effect if the assignment is no longer that of `generation`.
        """
        reading = self._readings.get(partition)
        if reading is not None and reading.generation == generation:
            reading.applied = max(reading.applied, offset + 1)
            if reading.holes:
                kept = {at: end for at, end in reading.holes.items() if end > reading.applied}
                reading.holes = kept

    def at(self, partition: TopicPartition) -> int | None:
        """Return the first offset that may hold an unapplied record; `None` before reading."""
        reading = self._readings.get(partition)
        return None if reading is None else reading.past_holes(reading.applied)

    def committable(self, partition: TopicPartition) -> int | None:
        """Return the offset to commit; `None` if it is still where reading started."""
        reading = self._readings.get(partition)
        offset = self.at(partition)
        if reading is None or offset is None:
            return None
        return offset if offset > reading.start else None

    def partitions(self) -> tuple[TopicPartition, ...]:
        return tuple(self._readings)

    def forget(self, partitions: Set[TopicPartition]) -> None:
        """Drop the positions of partitions that were taken away."""
        for partition in partitions:
            self._readings.pop(partition, None)
