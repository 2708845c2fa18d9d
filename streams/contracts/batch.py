"""Batches of one topic's records on their way through decode -> project -> apply -> ack.

Raw records come in as `streams.contracts.records.Records`; decoding yields a `Batch` with one Arrow
RecordBatch per record type, and a `Rejected` for each record that can never be applied.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import pyarrow as pa

from streams.record import Record

PARTITION = "_partition"
OFFSET = "_offset"
APPEND_TIME = "_append_time"
SCHEMA_ID = "_schema_id"
POSITION_FIELDS = (
    pa.field(PARTITION, pa.int32(), nullable=False),
    pa.field(OFFSET, pa.int64(), nullable=False),
    pa.field(APPEND_TIME, pa.int64(), nullable=False),  # milliseconds since the Unix epoch
    # Id of the writer's schema in the registry; null if the record names it by another id.
    pa.field(SCHEMA_ID, pa.int32()),
)


class ErrorCode(StrEnum):
    """Reason why a record went to the dead letter queue."""

    BAD_FRAME = "bad_frame"
    UNKNOWN_SCHEMA = "unknown_schema"
    DECODE_ERROR = "decode_error"
    INVALID_EVENT = "invalid_event"
    FUTURE_EVENT = "future_event"
    EXPIRED_VIEW = "expired_view"
    ID_CONFLICT = "id_conflict"
    UNKNOWN_TYPE = "unknown_type"
    STORE_REFUSED = "store_refused"
    OPERATOR_REJECTED = "operator_rejected"


class Rejected(NamedTuple):
    """A record that cannot be applied, and the reason; `error` is the exception class's name."""

    record: Record
    code: ErrorCode
    stage: str
    error: str
    message: str
    change: Mapping[str, Any] | None = None
    """Readable part of a refused change of accounts, by the fields of the quarantine column."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Decoded, valid events of one topic; `columns` maps a record type to its columns.

    Each RecordBatch holds the event's own fields (ids and times as int64, enums and text as
    strings, `hashtags`/`media` as list<string>, absent optionals as null) followed by
    POSITION_FIELDS. Rows keep their order within a type. Record types with no event are absent.
    """

    topic: str
    columns: Mapping[str, pa.RecordBatch]

    def __len__(self) -> int:
        return sum(len(columns) for columns in self.columns.values())
