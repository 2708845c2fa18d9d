"""Where each partition's reading stands: what must come next, and what may be committed.

Faust 0.15 keeps a list of single acknowledged offsets, takes a jump in offsets for a hole in the
log and acknowledges what it skips at a rebalance; each of these can commit past a record that
nothing has applied. Here a position only moves over records that arrived in sequence, and a
jump that the log does not explain ends the process, so that the next one reads again.
"""

TopicPartition = tuple[str, int]
"""A topic and the number of one of its partitions; Faust's own TP is an equal tuple."""


class PositionGapError(RuntimeError):
    """Records between two positions never arrived; reading must begin again at the commit."""

    def __init__(self, partition: TopicPartition, expected: int, got: int) -> None:
        super().__init__(
            f"{partition[0]}[{partition[1]}]: expected offset {expected}, got {got}; "
            "reading again from the last commit"
        )


class _Reading:
    __slots__ = ("applied", "expected", "generation")

    def __init__(self, generation: int, expected: int) -> None:
        self.generation = generation
        self.expected = expected
        self.applied: int | None = None


class Positions:
    """Positions of the partitions that this member of the group reads.

    A generation is one assignment of partitions to the members; what a batch of an earlier
    generation applied is read again rather than acknowledged.
    """

    def __init__(self) -> None:
        self._readings: dict[TopicPartition, _Reading] = {}

    def knows(self, partition: TopicPartition, generation: int) -> bool:
        reading = self._readings.get(partition)
        return reading is not None and reading.generation == generation

    def start(self, partition: TopicPartition, generation: int, offset: int) -> None:
        """The group's position in a partition when it was assigned."""
        self._readings[partition] = _Reading(generation, offset)

    def arrived(self, partition: TopicPartition, offset: int) -> None:
        """A record arrived. Offsets may repeat; raises PositionGapError where they jump ahead."""
        reading = self._readings[partition]
        if offset == reading.expected:
            reading.expected = offset + 1
        elif offset > reading.expected:
            raise PositionGapError(partition, reading.expected, offset)

    def applied(self, partition: TopicPartition, generation: int, offset: int) -> None:
        """Every record up to `offset` is applied, if the assignment is still that one."""
        reading = self._readings.get(partition)
        if reading is not None and reading.generation == generation:
            reading.applied = max(reading.applied or 0, offset + 1)

    def committable(self, partition: TopicPartition) -> int | None:
        """The offset to commit: the first one that is not applied. None: nothing was applied."""
        reading = self._readings.get(partition)
        return reading.applied if reading is not None else None

    def partitions(self) -> tuple[TopicPartition, ...]:
        return tuple(self._readings)

    def forget(self, partitions: set[TopicPartition]) -> None:
        """The partitions were taken away."""
        for partition in partitions:
            self._readings.pop(partition, None)
