"""A fetched batch of one partition: raw records as parallel sequences, in the order of the log."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import NamedTuple, TypeVar

from streams.record import Headers, RecordPosition

R = TypeVar("R")


class Run(NamedTuple):
    """Offsets from `first` to `last`, both included, with none left out."""

    first: int
    last: int


@dataclass(frozen=True)
class RawBatch:
    """Records of one partition. The n-th items of all sequences belong together; never empty.

    Offsets ascend, and skip what the log does not hold: markers of transactions, records of aborted
    ones, what compaction removed. A null key or value is `None`.
    """

    topic: str
    partition: int
    offsets: Sequence[int]
    timestamps: Sequence[int]
    """Append times in milliseconds since the Unix epoch."""
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers]

    @cached_property
    def size(self) -> int:
        """Bytes of keys and values. Computed on first use: only batches in a queue need it."""
        return sum(map(len, filter(None, self.keys))) + sum(map(len, filter(None, self.values)))

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def last(self) -> int:
        """The offset of the last record."""
        return self.offsets[-1]

    def find(self, offset: int) -> int | None:
        """Return the index of the record at an offset; `None` if the batch holds none there."""
        index = bisect_left(self.offsets, offset)
        return index if index < len(self) and self.offsets[index] == offset else None

    def runs(self) -> Iterator[Run]:
        """Yield the runs of the offsets, cut where the log leaves some out."""
        first, last, count = self.offsets[0], self.last, len(self)
        if last - first + 1 == count:  # nearly always
            yield Run(first, last)
            return
        begins = 0
        for at in range(1, count):
            if self.offsets[at] != self.offsets[at - 1] + 1:
                yield Run(self.offsets[begins], self.offsets[at - 1])
                begins = at
        yield Run(self.offsets[begins], last)

    def split(self, count: int) -> tuple["RawBatch", "RawBatch"]:
        """Return the first `count` records and the others; both must be non-empty."""
        return self._cut(slice(None, count)), self._cut(slice(count, None))

    def pick(self, indexes: Sequence[int]) -> "RawBatch":
        """Return the records at `indexes`, which must ascend and not be empty."""

        def picked(values: Sequence[R]) -> list[R]:
            return [values[index] for index in indexes]

        return RawBatch(
            self.topic,
            self.partition,
            picked(self.offsets),
            picked(self.timestamps),
            picked(self.keys),
            picked(self.values),
            picked(self.headers),
        )

    def positions(self) -> Iterator[RecordPosition]:
        """Yield the position of each record."""
        return map(RecordPosition, repeat(self.topic), repeat(self.partition), self.offsets)

    def records(self, make: Callable[..., R]) -> Iterator[R]:
        """Yield `make(topic, partition, offset, append_time, key, value, headers)` per record."""
        return map(
            make,
            repeat(self.topic),
            repeat(self.partition),
            self.offsets,
            self.timestamps,
            self.keys,
            self.values,
            self.headers,
        )

    def _cut(self, part: slice) -> "RawBatch":
        return RawBatch(
            self.topic,
            self.partition,
            self.offsets[part],
            self.timestamps[part],
            self.keys[part],
            self.values[part],
            self.headers[part],
        )


def cut(batches: Sequence[RawBatch], count: int) -> tuple[list[RawBatch], list[RawBatch]]:
    """Return the first `count` records of a sequence of batches, and the others.

    Either may be empty.
    """
    first: list[RawBatch] = []
    room = count
    for number, batch in enumerate(batches):
        if room <= 0:
            return first, list(batches[number:])
        if len(batch) > room:
            begin, rest = batch.split(room)
            return [*first, begin], [rest, *batches[number + 1 :]]
        first.append(batch)
        room -= len(batch)
    return first, []
