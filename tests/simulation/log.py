"""A log in memory: partitions of records and holes, and what has to become of each record."""

import asyncio
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.record import TopicPartition
from streams.runtime.consumer.raw_batch import RawBatch


class Event(NamedTuple):
    """An event; `stamp` says which of two about one key is the later."""

    kind: str
    event_id: int
    key: str
    stamp: int

    def encode(self) -> bytes:
        return f"{self.kind} {self.event_id} {self.key} {self.stamp}".encode()


def decode(value: bytes | None) -> Event:
    """The event of a record. Raises ValueError."""
    if value is None:
        raise ValueError("no value")
    kind, event_id, key, stamp = value.decode().split(" ")
    return Event(kind, int(event_id), key, int(stamp))


class Due(NamedTuple):
    """What a record is owed before it may be committed over."""

    effect: int | None
    """The event whose effect must stand."""
    dead_letter: object
    """The event, or the position of a record that is none, that must be a dead letter; or None."""


@dataclass
class Partition:
    """Records in the order of their offsets; offsets that hold none are holes."""

    at: TopicPartition
    start: int
    end: int = field(init=False)
    offsets: list[int] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    dues: list[Due] = field(default_factory=list)
    _claims: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.end = self.start

    def append(self, value: bytes | None) -> None:
        self.dues.append(self._due(value))
        self.offsets.append(self.end)
        self.values.append(value)
        self.end += 1

    def skip(self, count: int) -> None:
        """A marker, an aborted transaction, or what compaction has removed."""
        self.end += count

    def read(self, offset: int, most: int, *, skip_gaps: bool) -> tuple[RawBatch | None, int]:
        """Records from `offset` on, and where to read next."""
        begin = bisect_left(self.offsets, offset)
        ending = min(begin + most, len(self.offsets))
        following = self.offsets[ending] if ending < len(self.offsets) else self.end
        if begin == ending:
            return None, following
        offsets = self.offsets[begin:ending]
        count = len(offsets)
        batch = RawBatch(
            *self.at,
            offsets,
            [1_600_000_000_000 + at for at in offsets],
            [b"k"] * count,
            self.values[begin:ending],
            [()] * count,
        )
        return batch, following if skip_gaps else offsets[-1] + 1

    def _due(self, value: bytes | None) -> Due:
        try:
            event = decode(value)
        except ValueError:
            return Due(None, (*self.at, self.end))
        if event.kind != "claim":
            return Due(event.event_id, None)
        claims = self._claims.setdefault(event.key, [])
        if event.event_id not in claims:
            claims.append(event.event_id)
        first = claims[0] == event.event_id
        before = claims[: claims.index(event.event_id)]
        wins = all(event.event_id < other for other in before)
        return Due(event.event_id if wins else None, None if first else event.event_id)


class Log:
    """The topics' partitions, and a bell for whoever waits for records."""

    def __init__(self, partitions: dict[TopicPartition, int]) -> None:
        self.partitions = {at: Partition(at, start) for at, start in partitions.items()}
        self._bell = asyncio.Event()

    def ring(self) -> None:
        """Records were appended."""
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    async def grown(self) -> None:
        await self._bell.wait()
