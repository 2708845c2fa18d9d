"""Landing of the records of one topic, each in its bronze table or in the quarantine.

The quarantine is written first. A batch that is read again after a crash in between finds its
refused records in the quarantine and leaves them there, even if they can be decoded by then: so a
schema that the registry has learned since cannot bring a record into both tables.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from streams.contracts.batch import Rejected
from streams.contracts.bronze import QUARANTINE_TABLE, bronze_table
from streams.record import RecordPosition
from streams.sinks.delta.rows import DAY, MILLIS
from streams.sinks.delta.table import LakeTable

_PARTITION, _OFFSET = "kafka_partition", "kafka_offset"
_POSITION = [_PARTITION, _OFFSET]


class Landed(NamedTuple):
    """Numbers of rows written now, and of rows that are repeated or were in the lake already."""

    written: int
    duplicates: int


class Landing:
    """Writer of the tables of one topic; for one thread."""

    def __init__(self, lake: Path, topic: str) -> None:
        self._topic = topic
        self._bronze = LakeTable(lake, bronze_table(topic))
        self._quarantine = LakeTable(lake, QUARANTINE_TABLE)

    def land(self, rows: pa.Table) -> Landed:
        """Add rows to the bronze table in one commit, except those whose records the lake has.

        Raises:
            ConcurrentCommitError: Another process wrote at the same time; nothing was written.
        """
        missing = self._missing(rows)
        if len(missing):
            self._bronze.append(missing, self._topic, _last_offsets(missing))
        return Landed(len(missing), len(rows) - len(missing))

    def quarantine(self, rejections: Sequence[Rejected]) -> list[Rejected]:
        """Add records to the quarantine in one commit; return those that the lake did not have.

        Raises:
            ConcurrentCommitError: Another process wrote at the same time; nothing was written.
        """
        missing = self._missing(_quarantine_rows(rejections, self._quarantine.schema))
        if len(missing):
            last_offsets = {
                partition: max(offset, self._quarantine.last_offset(self._topic, partition))
                for partition, offset in _last_offsets(missing).items()
            }
            self._quarantine.append(missing, self._topic, last_offsets)
        unreported = {RecordPosition(self._topic, *position) for position in _positions(missing)}
        written = []
        for rejection in rejections:
            if rejection.record.position in unreported:
                unreported.remove(rejection.record.position)
                written.append(rejection)
        return written

    def _missing(self, rows: pa.Table) -> pa.Table:
        """Return the rows whose records are in neither table, each position once."""
        self._quarantine.refresh()
        self._bronze.refresh()
        rows = _distinct(rows)
        parts = []
        for partition in pc.unique(rows[_PARTITION]).to_pylist():
            part = rows.filter(pc.field(_PARTITION) == partition)
            landed = self._bronze.last_offset(self._topic, partition)
            part = part.filter(pc.field(_OFFSET) > landed)
            if len(part) and self._quarantine.last_offset(self._topic, partition) > landed:
                quarantined = _quarantined(self._quarantine, self._topic, partition, landed)
                part = part.filter(~pc.field(_OFFSET).isin(quarantined))
            parts.append(part)
        return pa.concat_tables(parts) if parts else rows


def next_offsets(lake: Path, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Return the first offset that the lake does not have, by (topic, partition)."""
    quarantine = LakeTable(lake, QUARANTINE_TABLE)
    tables: dict[str, LakeTable] = {}
    offsets: dict[tuple[str, int], int] = {}
    for topic, partition in partitions:
        if topic not in tables:
            tables[topic] = LakeTable(lake, bronze_table(topic))
        offsets[topic, partition] = first_missing(tables[topic], quarantine, topic, partition)
    return offsets


def first_missing(bronze: LakeTable, quarantine: LakeTable, topic: str, partition: int) -> int:
    """Return the first offset of a partition that neither table has."""
    missing = bronze.last_offset(topic, partition) + 1
    if quarantine.last_offset(topic, partition) >= missing:
        quarantined = set(_quarantined(quarantine, topic, partition, missing - 1).to_pylist())
        while missing in quarantined:
            missing += 1
    return missing


def _quarantined(quarantine: LakeTable, topic: str, partition: int, after: int) -> pa.Array:
    """Return the offsets after `after` of quarantined records of a partition."""
    return quarantine.rows(
        [_OFFSET], f"topic = '{topic}' AND {_PARTITION} = {partition} AND {_OFFSET} > {after}"
    )[_OFFSET].combine_chunks()


def _distinct(rows: pa.Table) -> pa.Table:
    """Return the first row of each position: a batch may hold a record twice after a seek."""
    numbers = pa.array(range(len(rows)), pa.int64())
    numbered = rows.select(_POSITION).append_column("row", numbers)
    first = numbered.group_by(_POSITION).aggregate([("row", "min")])["row_min"]
    return rows if len(first) == len(rows) else rows.take(first.take(pc.sort_indices(first)))


def _last_offsets(rows: pa.Table) -> dict[int, int]:
    """Return the last offset of each partition among the rows."""
    last = rows.group_by(_PARTITION).aggregate([(_OFFSET, "max")])
    return dict(zip(last[_PARTITION].to_pylist(), last[f"{_OFFSET}_max"].to_pylist(), strict=True))


def _positions(rows: pa.Table) -> Iterable[tuple[int, int]]:
    return zip(rows[_PARTITION].to_pylist(), rows[_OFFSET].to_pylist(), strict=True)


def _quarantine_rows(rejections: Sequence[Rejected], schema: pa.Schema) -> pa.Table:
    records = [rejection.record for rejection in rejections]
    appended = pa.array([record.append_time for record in records], pa.int64()).cast(MILLIS)
    columns = {
        "topic": [record.topic for record in records],
        "kafka_partition": [record.partition for record in records],
        "kafka_offset": [record.offset for record in records],
        "append_time": appended.cast(schema.field("append_time").type),
        "append_date": appended.cast(DAY),
        "code": [str(rejection.code) for rejection in rejections],
        "error": [rejection.error for rejection in rejections],
        "message": [rejection.message for rejection in rejections],
        "key": [record.key for record in records],
        "value": [record.value for record in records],
        "change": [rejection.change for rejection in rejections],
        "headers": [
            [{"name": name, "value": value} for name, value in record.headers] for record in records
        ],
    }
    return pa.table(columns, schema=schema)
