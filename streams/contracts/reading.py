"""The one way in for records: decoded, validated, split into what can be applied and what not."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from streams.contracts.batch import Batch, Record, Rejected
from streams.contracts.codec import Rows, SchemaLookup, decode_rows
from streams.contracts.rows import events_of
from streams.contracts.suspects import suspects
from streams.contracts.validate import check_record

VALIDITY_STAGE: Final = "TRANSFORMATION"


def read(
    records: Sequence[Record], topic: str, writer_schema: SchemaLookup
) -> tuple[Batch, list[Rejected]]:
    """Decode and validate records of a topic.

    The batch holds the valid events in the order of `records`, repetitions included; everything
    else is rejected, in that order too: every record is in exactly one of the two. Raises
    RegistryUnavailableError: then nothing is known about any record, wait and read again.
    """
    rows, rejected = decode_rows(records, topic, writer_schema)
    columns: dict[str, pa.RecordBatch] = {}
    for record_type, decoded in rows.items():
        valid, invalid = _split(record_type, decoded)
        rejected.extend(invalid)
        if len(valid):
            columns[record_type] = valid
    if rejected:
        order = {id(record): number for number, record in enumerate(records)}
        rejected.sort(key=lambda reason: order[id(reason.record)])
    return Batch(topic, columns), rejected


def _split(record_type: str, rows: Rows) -> tuple[pa.RecordBatch, list[Rejected]]:
    doubtful = suspects(record_type, rows.columns, [record.key for record in rows.records])
    if not doubtful:
        return rows.columns, []
    rejected: dict[int, Rejected] = {}
    chosen = rows.columns.take(pa.array(doubtful, pa.int64()))
    for number, event in zip(doubtful, events_of(record_type, chosen), strict=True):
        record = rows.records[number]
        fault = check_record(event, record.append_time, record.key)
        if fault is not None:
            rejected[number] = Rejected(
                record, fault.code, VALIDITY_STAGE, "EventError", fault.message
            )
    valid = pa.array([number not in rejected for number in range(len(rows.records))])
    return rows.columns.filter(valid), list(rejected.values())
