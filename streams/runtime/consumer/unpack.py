"""Unpacking of record batches, as the broker sent them, into columns.

aiokafka makes an object of eleven fields for each record, through a generator. This module reads
whole record batches at a time, with aiokafka's own parser, below those objects.
"""

from collections.abc import Iterable
from typing import Any

from aiokafka.errors import CorruptRecordException

from streams.record import Headers
from streams.runtime.consumer.raw_batch import RawBatch


def unpack(partition_records: Any) -> RawBatch | None:
    """Return all committed records of a fetched partition; `None` if it holds no such record.

    Args:
        partition_records: aiokafka's PartitionRecords, of a consumer that reads committed records
            only. Its `next_fetch_offset` is moved past everything.

    Raises:
        CorruptRecordException: If the checksum of a batch is wrong. The records before that batch
            must then be fetched again.
    """
    topic, partition = partition_records._tp
    offsets: list[int] = []
    timestamps: list[int] = []
    keys: list[bytes | None] = []
    values: list[bytes | None] = []
    headers: list[Headers] = []
    batches = partition_records._records
    while batches.has_next():
        batch = batches.next_batch()
        if partition_records._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(
                f"{topic}[{partition}]: a record batch's checksum is wrong"
            )
        if _is_readable(partition_records, batch):
            # One by one: a record that is dropped at once costs less than a list of them.
            for record in _from(batch, partition_records.next_fetch_offset):
                offsets.append(record.offset)
                timestamps.append(record.timestamp)
                keys.append(record.key)
                values.append(record.value)
                own = record.headers
                headers.append(tuple(own) if own else ())
        if batch.next_offset is not None:
            # The end of a batch outlives the records that compaction took from it.
            partition_records.next_fetch_offset = batch.next_offset
        elif offsets:  # the formats before 2 do not store where a batch ends
            partition_records.next_fetch_offset = offsets[-1] + 1
    if not offsets:
        return None
    return RawBatch(topic, partition, offsets, timestamps, keys, values, headers)


def _is_readable(partition_records: Any, batch: Any) -> bool:
    """Return whether the batch holds records, other than those of an aborted transaction.

    Also keeps the set of aborted producers up to date.
    """
    aborted = partition_records._aborted_producers
    if batch.producer_id is not None:
        partition_records._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and partition_records._contains_abort_marker(batch):
            aborted.discard(batch.producer_id)
        if batch.is_transactional and batch.producer_id in aborted:
            return False
    return not batch.is_control_batch


def _from(batch: Any, offset: int) -> Iterable[Any]:
    """Return the records from `offset` on: a fetch begins with the batch that contains it."""
    if batch.next_offset is not None and batch.base_offset >= offset:
        return batch  # type: ignore[no-any-return]
    return (record for record in batch if record.offset >= offset)
