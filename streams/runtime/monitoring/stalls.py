"""Detection of partitions that make no progress, as opposed to idle or slow ones."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from streams.record import TopicPartition


class PartitionProgress(NamedTuple):
    """Progress of the reading of a partition."""

    position: int
    """First offset that may hold a record that is not applied."""
    committed: int
    """Group's commit, as the broker has it; the log's start if there is none."""
    end: int
    """Offset after the last record that may be read."""
    busy: bool
    """Whether a batch that may hold some of the partition's records is in flight."""

    @property
    def lag(self) -> int:
        """Offsets between what is applied and the end."""
        return max(0, self.end - self.position)


class StallKind(StrEnum):
    """Kind of position that does not move although it is due to."""

    POSITION = "position"
    COMMIT = "commit"


class Stall(NamedTuple):
    """A partition whose reading does not move although there is something to do."""

    partition: TopicPartition
    kind: StallKind
    progress: PartitionProgress
    seconds: float
    """Seconds without movement."""

    @property
    def is_unrecoverable(self) -> bool:
        """Return whether nothing in this process can end the stall; a batch in flight may."""
        return self.kind is StallKind.COMMIT or not self.progress.busy

    def __str__(self) -> str:
        (topic, number), progress = self.partition, self.progress
        if self.kind is StallKind.COMMIT:
            text = f"the commit is stuck at {progress.committed}, applied is {progress.position}"
        else:
            text = f"reading is stuck at {progress.position}, with {progress.lag} offsets to go"
        return f"{topic}[{number}]: {text}, for {self.seconds:.0f} s"


class _Mark(NamedTuple):
    offset: int
    since: float


class StallDetector:
    """Detector of stalls, which compares successive samples of progress.

    It judges progress, not cause: Faust can leave a partition assigned and never fetch it, or stop
    committing, and reports neither.
    """

    def __init__(self, stalled_after_s: float) -> None:
        self._stalled_after_s = stalled_after_s
        self._marks: dict[tuple[TopicPartition, StallKind], _Mark] = {}

    def detect(
        self, samples: Mapping[TopicPartition, PartitionProgress], now: float
    ) -> list[Stall]:
        """Return the stalls among these partitions; all other partitions are forgotten.

        Args:
            now: Seconds of any steady clock.
        """
        before, self._marks = self._marks, {}
        stalls = []
        for partition, progress in samples.items():
            for kind, offset, is_due in (
                (StallKind.POSITION, progress.position, progress.lag > 0),
                (StallKind.COMMIT, progress.committed, progress.committed < progress.position),
            ):
                if not is_due:
                    continue
                mark = before.get((partition, kind))
                if mark is None or mark.offset != offset:
                    mark = _Mark(offset, now)
                self._marks[partition, kind] = mark
                if now - mark.since >= self._stalled_after_s:
                    stalls.append(Stall(partition, kind, progress, now - mark.since))
        return stalls
