"""Changes of accounts that the lake refused or could not keep whole, counted from its tables."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from streams.app.settings import Settings
from streams.contracts.bronze import QUARANTINE_TABLE, USERS_TOPIC, bronze_table
from streams.sinks.delta.table import LakeTable

_TIME: Final = "append_time"
_DEGRADED: Final = "degraded"


class RefusedChange(NamedTuple):
    """An account change in the quarantine: its position in the topic, append time and reason."""

    partition: int
    offset: int
    append_time: datetime
    code: str
    reason: str


class RefusedChanges(NamedTuple):
    """Account changes that the lake refused or could not keep whole."""

    refused: int
    """Records of the change stream in the quarantine."""
    last: RefusedChange | None
    """Newest refused record by append time."""
    degraded: int
    """Changes that landed without a value that no table can hold."""
    last_degraded: str | None
    """Note of the newest degraded change."""


def refused_changes(settings: Settings) -> RefusedChanges | None:
    """Count refused and degraded account changes.

    Returns:
        The counts; `None` if the lake has no tables yet.

    Raises:
        LakeError: a table cannot be read.
    """
    lake = settings.lake_path
    bronze = bronze_table(USERS_TOPIC)
    if not all(_has_table(lake / table.name) for table in (QUARANTINE_TABLE, bronze)):
        return None
    quarantined = LakeTable(lake, QUARANTINE_TABLE).rows(
        ["kafka_partition", "kafka_offset", _TIME, "code", "message"], f"topic = '{USERS_TOPIC}'"
    )
    degraded = _degraded(lake, bronze.name)
    return RefusedChanges(
        refused=len(quarantined),
        last=RefusedChange(*newest.values()) if (newest := _newest(quarantined)) else None,
        degraded=len(degraded),
        last_degraded=newest[_DEGRADED] if (newest := _newest(degraded)) else None,
    )


def _degraded(lake: Path, name: str) -> pa.Table:
    """Return the degraded changes; an empty table if the lake's has no such column yet."""
    present = {field.name for field in DeltaTable(lake / name).schema().fields}
    if _DEGRADED not in present:
        return pa.table({_TIME: [], _DEGRADED: []})
    table = LakeTable(lake, bronze_table(USERS_TOPIC))
    return table.rows([_TIME, _DEGRADED], f"{_DEGRADED} IS NOT NULL")


def _newest(rows: pa.Table) -> dict[str, Any] | None:
    if not len(rows):
        return None
    index = pc.index(rows[_TIME], pc.max(rows[_TIME])).as_py()
    row: dict[str, Any] = rows.slice(index, 1).to_pylist()[0]
    return row


def _has_table(path: Path) -> bool:
    return (path / "_delta_log").is_dir() and DeltaTable.is_deltatable(str(path))
