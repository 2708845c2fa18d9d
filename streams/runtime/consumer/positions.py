"""Where each partition's reading stands: what must come next, and what may be committed.

Faust 0.15 keeps a list of single acknowledged offsets, takes a jump in offsets for a hole in the
log and acknowledges what it skips at a rebalance; each of these can commit past a record that
nothing has applied. Here a position only moves over records that arrived in sequence, and over
holes that the fetcher met in the log itself: markers of transactions, records of aborted ones,
what compaction removed. Any other jump ends the process, so that the next one reads again.
"""

from collections.abc import Set

TopicPartition = tuple[str, int]
"""A topic and the number of one of its partitions; Faust's own TP is an equal tuple."""


class PositionGapError(RuntimeError):
    """Records between two positions never arrived; reading must begin again at the commit."""

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
        """The first offset from `offset` on that no known hole covers."""
        return next((end for start, end in self.holes.items() if start <= offset < end), offset)


class Positions:
    """Positions of the partitions that this member of the group reads.

    A generation is one assignment of partitions to the members; what a batch of an earlier
    generation applied is read again rather than acknowledged.
    """

    def __init__(self) -> None:
        self._readings: dict[TopicPartition, _PartitionOffsets] = {}

    def knows(self, partition: TopicPartition, generation: int) -> bool:
        reading = self._readings.get(partition)
        return reading is not None and reading.generation == generation

    def start(self, partition: TopicPartition, generation: int, offset: int) -> None:
        """The group's position in a partition when it was assigned."""
        self._readings[partition] = _PartitionOffsets(generation, offset)

    def arrived(self, partition: TopicPartition, first: int, last: int) -> None:
        """The records from `first` to `last` arrived, both included, with none left out.

        Offsets may repeat; raises PositionGapError where they jump ahead.
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
        """The log holds no record to read from `start` up to, but not including, `end`.

        Holes may overlap, as what is read again may be met from another offset on. Those that
        overlap or touch become one: of nothing but aborted transactions there is one hole.
        """
        holes = self._readings[partition].holes
        for at, till in [*holes.items()]:
            if at <= end and start <= till:
                del holes[at]
                start, end = min(at, start), max(till, end)
        holes[start] = end

    def applied(self, partition: TopicPartition, generation: int, offset: int) -> None:
        """Every record up to `offset` is applied, if the assignment is still that one."""
        reading = self._readings.get(partition)
        if reading is not None and reading.generation == generation:
            reading.applied = max(reading.applied, offset + 1)
            if reading.holes:
                kept = {at: end for at, end in reading.holes.items() if end > reading.applied}
                reading.holes = kept

    def at(self, partition: TopicPartition) -> int | None:
        """The first offset that may hold a record not applied; None while reading has not begun."""
        reading = self._readings.get(partition)
        return None if reading is None else reading.past_holes(reading.applied)

    def committable(self, partition: TopicPartition) -> int | None:
        """The offset to commit; None where that is still where reading started."""
        reading = self._readings.get(partition)
        offset = self.at(partition)
        if reading is None or offset is None:
            return None
        return offset if offset > reading.start else None

    def partitions(self) -> tuple[TopicPartition, ...]:
        return tuple(self._readings)

    def forget(self, partitions: Set[TopicPartition]) -> None:
        """The partitions were taken away."""
        for partition in partitions:
            self._readings.pop(partition, None)
