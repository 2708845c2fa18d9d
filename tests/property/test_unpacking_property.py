"""Fetched bytes taken apart into columns are what aiokafka itself makes of them."""

import struct
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from hypothesis import example, given
from hypothesis import strategies as st

from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.consumer.unpack import unpack

_CRC, _ATTRIBUTES = 17, 21
_CONTROL = 0x20
_ABORT = struct.pack(">hh", 0, 0)
_COMMIT = struct.pack(">hh", 0, 1)
_PRODUCERS = (7, 8)

blobs = st.none() | st.binary(max_size=9)
headers = st.lists(st.tuples(st.sampled_from(["a", "ä"]), st.binary(max_size=3)), max_size=2)


@dataclass(frozen=True)
class Fetched:
    """Bytes of a partition, the offset that was asked for, and the transactions aborted in it."""

    data: bytes
    offset: int
    aborted: list[tuple[int, int]]

    def partition_records(self) -> Any:
        records = MemoryRecords(self.data)
        tp = TopicPartition("t", 3)
        return PartitionRecords(
            tp, records, list(self.aborted), self.offset, None, None, True, READ_COMMITTED
        )


_CODECS = (1, 2, 3, 4)
"""gzip, snappy, lz4, zstd: any of them may be the choice of a producer."""


def batch_bytes(
    base: int,
    records: list[tuple[Any, ...]],
    *,
    compression: int = 0,
    producer: int = -1,
    transactional: bool = False,
    control: bool = False,
) -> bytes:
    """A record batch of format 2; records are (offset, time, key, value, headers) from 0 on."""
    builder = DefaultRecordBatchBuilder(2, compression, transactional, producer, 0, 0, 1 << 20)
    for offset, timestamp, key, value, head in records:
        builder.append(offset, timestamp, key, value, head)
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base)
    if control:
        data[_ATTRIBUTES + 1] |= _CONTROL
    struct.pack_into(">I", data, _CRC, calc_crc32c(bytes(data[_ATTRIBUTES:])))
    return bytes(data)


@st.composite
def fetches(draw: st.DrawFn) -> Fetched:
    """Plain and transactional batches, markers of both kinds, gaps, a start inside a batch."""
    at = draw(st.integers(0, 5))
    data, starts = b"", [at]
    aborted: list[tuple[int, int]] = []
    opened: dict[int, int] = {}
    for _ in range(draw(st.integers(0, 6))):
        at += draw(st.integers(0, 2))  # a batch that compaction removed whole
        producer = draw(st.sampled_from((-1, *_PRODUCERS)))
        if producer in opened and draw(st.booleans()):
            abort = draw(st.booleans())
            marker: tuple[Any, ...] = (0, 1, _ABORT if abort else _COMMIT, b"\0\0\0\0\0\0", [])
            data += batch_bytes(at, [marker], producer=producer, transactional=True, control=True)
            if abort:
                aborted.append((producer, opened[producer]))
            del opened[producer]
            at += 1
            continue
        offsets = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=5)))
        records = [
            (offset, draw(st.integers(0, 1 << 40)), draw(blobs), draw(blobs), draw(headers))
            for offset in [0, *offsets[1:]]
        ]
        transactional = producer != -1
        if transactional:
            opened.setdefault(producer, at)
        data += batch_bytes(
            at,
            records,
            compression=draw(st.sampled_from((0, *_CODECS))),
            producer=producer,
            transactional=transactional,
        )
        starts += range(at, at + records[-1][0] + 1)
        at += records[-1][0] + 1
    return Fetched(data, draw(st.sampled_from(starts[:12])), aborted)


def after_an_abort() -> Fetched:
    """A producer aborts a transaction, and commits the next one."""
    record: tuple[Any, ...] = (0, 1, None, b"v", [])
    data = b"".join(
        batch_bytes(base, [fields], producer=7, transactional=True, control=bool(base % 2))
        for base, fields in enumerate((record, (0, 1, _ABORT, bytes(6), []), record))
    )
    return Fetched(data, 0, [(7, 0)])


def expected(fetched: Fetched) -> tuple[list[Any], int]:
    """The records one by one as aiokafka hands them out, and where it would fetch on."""
    reference = fetched.partition_records()
    return list(reference), reference.next_fetch_offset


@given(fetches())
@example(after_an_abort())
def test_the_columns_are_the_records_that_aiokafka_hands_out(fetched: Fetched) -> None:
    records, end = expected(fetched)
    ours = fetched.partition_records()
    batch = unpack(ours)
    assert ours.next_fetch_offset == end
    if not records:
        assert batch is None
        return
    assert batch is not None
    assert list(batch.records(lambda *fields: fields)) == [
        (r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers) for r in records
    ]
    assert batch.size == sum(len(r.key or b"") + len(r.value or b"") for r in records)
    told = [offset for run in batch.runs() for offset in range(run.first, run.last + 1)]
    assert told == [r.offset for r in records]
    assert all(a.last + 1 < b.first for a, b in zip(runs(batch), runs(batch)[1:], strict=False))


def runs(batch: RawBatch) -> list[Any]:
    return list(batch.runs())


@given(fetches(), st.data())
def test_a_batch_in_two_is_the_batch(fetched: Fetched, data: st.DataObject) -> None:
    batch = unpack(fetched.partition_records())
    if batch is None or len(batch) < 2:
        return
    count = data.draw(st.integers(1, len(batch) - 1))
    head, tail = batch.split(count)
    assert (len(head), len(tail)) == (count, len(batch) - count)

    def whole(part: RawBatch) -> list[Any]:
        return list(part.records(lambda *fields: fields))

    assert whole(head) + whole(tail) == whole(batch)
    for part in (head, tail):
        assert part.size == sum(len(blob or b"") for blob in (*part.keys, *part.values))


def test_a_producer_may_go_on_after_an_abort() -> None:
    batch = unpack(after_an_abort().partition_records())
    assert batch is not None
    assert batch.offsets == [2]


def test_a_wrong_checksum_is_an_error_and_what_came_before_is_fetched_again() -> None:
    good = batch_bytes(0, [(0, 1, b"k", b"v", [])])
    bad = bytearray(batch_bytes(1, [(0, 1, b"k", b"v", [])]))
    bad[-1] ^= 1
    with pytest.raises(CorruptRecordException, match=r"t\[3\]"):
        unpack(Fetched(good + bytes(bad), 0, []).partition_records())
