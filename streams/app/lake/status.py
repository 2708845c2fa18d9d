"""The report of `storyline lake status`, read from the tables' own logs with delta-rs."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import KafkaException
from deltalake import DeltaTable

from streams.app.lake.failures import JobFailure, failures_of
from streams.app.settings import Settings
from streams.app.stores import progress
from streams.contracts.bronze import QUARANTINE_TABLE, bronze_table
from streams.contracts.catalog import topics
from streams.contracts.tables import BRONZE, QUARANTINE, STAR
from streams.errors import UserError
from streams.lakehouse.files import data_files, int96_files
from streams.sinks.delta.landing import first_missing
from streams.sinks.delta.table import LakeTable

_START_OF_BATCH: Final = -1
_STAR: Final = frozenset(table.name for table in STAR)


class TableStatus(NamedTuple):
    """A table as of its newest commit, which is `age_s` seconds old."""

    table: str
    rows: int
    files: int
    bytes: int
    version: int
    age_s: float
    int96_files: int
    """Number of files whose timestamps most readers misread outside 1677 to 2262."""


class PartitionStatus(NamedTuple):
    """Progress of the lake in a topic partition, over its bronze table and the quarantine."""

    table: str
    topic: str
    partition: int
    next_offset: int
    """First offset that neither table has; the lake worker reads on from it."""
    end: int | None
    """End of the log; `None` if Kafka does not answer."""


class QueryStatus(NamedTuple):
    """Progress of a query of the jobs in one of its source tables."""

    query: str
    source: str
    read: int | None
    """Newest version that the query has read whole, `-1` before the first; `None` if the query's
    checkpoint is damaged."""
    version: int
    """Newest version of the table."""


class LakeStatus(NamedTuple):
    tables: Sequence[TableStatus]
    partitions: Sequence[PartitionStatus]
    queries: Sequence[QueryStatus]
    failures: Sequence[JobFailure]
    """Jobs that failed in their last round."""


def lake_status(settings: Settings) -> LakeStatus:
    """Return the status of the lake's tables, partitions and queries.

    Raises:
        UserError: there is no lake, or its file of failures is damaged.
    """
    lake = settings.lake_path
    names = (*BRONZE.values(), QUARANTINE, *(table.name for table in STAR))
    tables = {name: DeltaTable(lake / name) for name in names if _is_table(lake / name)}
    if not tables:
        raise UserError(
            f"there is no lake at {lake}",
            hint="the lake worker makes it: storyline run lake",
        )
    ends = _ends(settings)
    return LakeStatus(
        tables=[_of_table(lake, name, table) for name, table in tables.items()],
        partitions=list(_of_partitions(lake, tables, ends)),
        queries=list(_of_queries(lake, tables)),
        failures=failures_of(lake),
    )


def _is_table(path: Path) -> bool:
    return (path / "_delta_log").is_dir() and DeltaTable.is_deltatable(str(path))


def _of_table(lake: Path, name: str, table: DeltaTable) -> TableStatus:
    files = pa.table(table.get_add_actions(flatten=True))
    committed = table.history(1)[0]["timestamp"]
    return TableStatus(
        table=name,
        rows=pc.sum(files["num_records"]).as_py() or 0,
        files=len(files),
        bytes=pc.sum(files["size_bytes"]).as_py() or 0,
        version=table.version(),
        age_s=max(0.0, time.time() - committed / 1000),
        int96_files=len(list(int96_files(data_files(table, lake / name)))) if name in _STAR else 0,
    )


def _ends(settings: Settings) -> Mapping[tuple[str, int], int] | None:
    try:
        return progress(settings).ends(BRONZE)
    except KafkaException:
        return None


def _of_partitions(
    lake: Path,
    tables: Mapping[str, DeltaTable],
    ends: Mapping[tuple[str, int], int] | None,
) -> Iterator[PartitionStatus]:
    for topic, name in BRONZE.items():
        if not {name, QUARANTINE} <= tables.keys():
            continue
        # The tables were opened before the log's ends were read: opened later, a table that the
        # worker lands in at that time would seem to be ahead of its log.
        bronze = LakeTable(lake, bronze_table(topic), tables[name])
        quarantine = LakeTable(lake, QUARANTINE_TABLE, tables[QUARANTINE])
        known = [partition for of, partition in ends or () if of == topic]
        spec = topics().get(topic)
        for partition in sorted(known) or range(spec.partitions if spec else 1):
            end = None if ends is None else ends.get((topic, partition))
            missing = first_missing(bronze, quarantine, topic, partition)
            yield PartitionStatus(name, topic, partition, missing, end)


def _of_queries(lake: Path, tables: Mapping[str, DeltaTable]) -> Iterator[QueryStatus]:
    from jobs.run import QUERIES

    for query in QUERIES:
        read = _read_by(lake / "_checkpoints" / query.name, len(query.sources))
        for source, version in zip(query.sources, read, strict=True):
            if source in tables:
                yield QueryStatus(query.name, source, version, tables[source].version())


def _read_by(checkpoint: Path, sources: int) -> Sequence[int | None]:
    """Return the newest version read whole, per source of the query.

    A version is `-1` if none is read whole. All are `None` if the checkpoint is damaged.
    """
    try:
        read = [_read_up_to(offset) for offset in _last_offsets(checkpoint, sources)]
    except (OSError, ValueError, KeyError, TypeError):
        return [None] * sources
    return read or [-1] * sources


def _last_offsets(checkpoint: Path, sources: int) -> list[dict[str, Any] | None]:
    """Return the end offset of the last committed batch, per source; `[]` without such a batch."""
    committed = [int(path.name) for path in (checkpoint / "commits").glob("[0-9]*")]
    if not committed:
        return []
    text = (checkpoint / "offsets" / str(max(committed))).read_text(encoding="utf-8")
    _, _, *offsets = text.splitlines()
    if len(offsets) != sources:
        raise ValueError(f"{len(offsets)} offsets of {sources} sources")
    return [None if offset == "-" else json.loads(offset) for offset in offsets]


def _read_up_to(offset: dict[str, Any] | None) -> int:
    """Return the newest version that a query has read whole at an offset of a Delta source.

    It is the offset's version, or the one before if the offset is at the version's beginning.
    """
    if offset is None:
        return -1
    begins = offset["index"] == _START_OF_BATCH
    return int(offset["reservoirVersion"]) - (1 if begins else 0)
