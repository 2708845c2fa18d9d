"""Tables of a lake as plain rows, read without Spark."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from deltalake import DeltaTable


def rows_of(lake: Path, table: str) -> list[dict[str, Any]]:
    """A table's rows, in an order of their own."""
    rows: list[dict[str, Any]] = DeltaTable(lake / table).to_pyarrow_table().to_pylist()
    return sorted(rows, key=lambda row: repr(sorted(row.items())))


def counted(lake: Path, table: str) -> Counter[tuple[str, date]]:
    """(event_type, day) -> how many facts."""
    return Counter((row["event_type"], row["event_date"]) for row in rows_of(lake, table))
