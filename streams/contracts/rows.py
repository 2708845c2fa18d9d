"""Conversion of columns back to single events."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pyarrow as pa

from streams.contracts.batch import OFFSET, PARTITION, Batch
from streams.contracts.events import EVENT_TYPES, ContentKind, Event, Surface, Tier
from streams.contracts.fields import FieldKind, fields_of
from streams.record import RecordPosition

ENUMS = {"content_kind": ContentKind, "surface": Surface, "tier": Tier, "previous_tier": Tier}
"""Enum field -> its symbols."""


def events(batch: Batch) -> Iterator[tuple[RecordPosition, Event]]:
    """Yield every event of a batch with its position, type by type."""
    for record_type, columns in batch.columns.items():
        positions = map(
            RecordPosition,
            repeat(batch.topic),
            columns.column(PARTITION).to_pylist(),
            columns.column(OFFSET).to_pylist(),
        )
        yield from zip(positions, events_of(record_type, columns), strict=True)


def events_of(record_type: str, columns: pa.RecordBatch) -> Iterator[Event]:
    """Yield the rows of one record type's columns as events."""
    make = EVENT_TYPES[record_type]
    names = [field.name for field in fields_of(record_type)]
    lists = [field.name for field in fields_of(record_type) if field.kind is FieldKind.TEXTS]
    enums = [field.name for field in fields_of(record_type) if field.kind is FieldKind.ENUM]
    for values in columns.select(names).to_pylist():
        fields: dict[str, Any] = values
        for name in lists:
            fields[name] = tuple(fields[name])
        for name in enums:
            fields[name] = ENUMS[name](fields[name])
        yield make(**fields)
