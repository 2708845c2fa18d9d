"""Entry point of all records: decodes and validates them, and separates out the rejected ones."""

from typing import Final

import pyarrow as pa

from streams.contracts.batch import Batch, Rejected
from streams.contracts.codec import RowRefusal, Rows, SchemaLookup, decode_rows, in_order
from streams.contracts.column_validation import possibly_invalid
from streams.contracts.records import Records
from streams.contracts.rows import events_of
from streams.contracts.validation import check_record

VALIDITY_STAGE: Final = "TRANSFORMATION"


def decode_and_validate(
    records: Records, topic: str, writer_schema: SchemaLookup
) -> tuple[Batch, list[Rejected]]:
    """Decode and validate records of a topic.

    Returns:
        A batch of the valid events, repetitions included, and the rejected records, both in the
        order of `records`. Every record is in exactly one of the two.

    Raises:
        RegistryUnavailableError: The registry cannot answer now, and no record has been judged;
            wait and read again.
    """
    rows, refused = decode_rows(records, topic, writer_schema)
    columns: dict[str, pa.RecordBatch] = {}
    for record_type, decoded in rows.items():
        valid, invalid = _split(record_type, decoded, records)
        refused.extend(invalid)
        if len(valid):
            columns[record_type] = valid
    return Batch(topic, columns), in_order(refused)


def _split(
    record_type: str, rows: Rows, records: Records
) -> tuple[pa.RecordBatch, list[RowRefusal]]:
    everything = len(rows.at) == len(records)
    keys = records.keys if everything else [records.keys[index] for index in rows.at]
    doubtful = possibly_invalid(record_type, rows.columns, keys)
    if not doubtful:
        return rows.columns, []
    refused: dict[int, RowRefusal] = {}
    chosen = rows.columns.take(pa.array(doubtful, pa.int64()))
    for number, event in zip(doubtful, events_of(record_type, chosen), strict=True):
        at = rows.at[number]
        record = records.record(at)
        fault = check_record(event, record.append_time, record.key)
        if fault is not None:
            rejected = Rejected(record, fault.code, VALIDITY_STAGE, "EventError", fault.message)
            refused[number] = RowRefusal(at, rejected)
    valid = pa.array([number not in refused for number in range(len(rows.at))])
    return rows.columns.filter(valid), list(refused.values())
