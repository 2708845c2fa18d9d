"""Records of a topic in columns, on their way to the decoder.

Most records are never handled one by one: the parallel sequences that a fetch returns are passed on
as such, and a `Record` is made only for a rejected record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol, TypeVar

import pyarrow as pa

from streams.record import Headers, Record

T = TypeVar("T")


class RecordSlice(Protocol):
    """Slice of at least one record of one partition; the n-th items of all sequences form a record.

    Offsets ascend; timestamps are append times in milliseconds since the Unix epoch.
    """

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offsets(self) -> Sequence[int]: ...
    @property
    def timestamps(self) -> Sequence[int]: ...
    @property
    def keys(self) -> Sequence[bytes | None]: ...
    @property
    def values(self) -> Sequence[bytes | None]: ...
    @property
    def headers(self) -> Sequence[Headers]: ...


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one topic; the n-th items of all sequences form a record."""

    topic: str
    places: tuple[pa.Array, pa.Array, pa.Array]
    """Partitions, offsets and append times, typed like the first three POSITION_FIELDS."""
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers]

    @classmethod
    def joined(cls, slices: Sequence[RecordSlice]) -> "Records":
        """Return the records of all slices, slice by slice; there must be at least one slice."""
        partitions, offsets, times = zip(*map(_places, slices), strict=True)
        return cls(
            slices[0].topic,
            (pa.concat_arrays(partitions), pa.concat_arrays(offsets), pa.concat_arrays(times)),
            _chained([part.keys for part in slices]),
            _chained([part.values for part in slices]),
            _chained([part.headers for part in slices]),
        )

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Records":
        """Return records of one topic that were read one by one, in columns."""
        topics, partitions, offsets, times, keys, values, headers = (
            zip(*records, strict=True) if records else ((),) * len(Record._fields)
        )
        places = (
            pa.array(partitions, pa.int32()),
            pa.array(offsets, pa.int64()),
            pa.array(times, pa.int64()),
        )
        return cls(topics[0] if topics else "", places, keys, values, headers)

    def __len__(self) -> int:
        return len(self.values)

    def record(self, index: int) -> Record:
        partition, offset, append_time = (column[index].as_py() for column in self.places)
        return Record(
            self.topic,
            partition,
            offset,
            append_time,
            self.keys[index],
            self.values[index],
            self.headers[index],
        )


def _places(records: RecordSlice) -> tuple[pa.Array, pa.Array, pa.Array]:
    count, first, last = len(records.offsets), records.offsets[0], records.offsets[-1]
    is_whole = last - first + 1 == count  # offsets ascend, so none is left out
    return (
        pa.repeat(pa.scalar(records.partition, pa.int32()), count),
        pa.arange(first, last + 1) if is_whole else pa.array(records.offsets, pa.int64()),
        pa.array(records.timestamps, pa.int64()),
    )


def _chained(parts: Sequence[Sequence[T]]) -> Sequence[T]:
    return parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))
