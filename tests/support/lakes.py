"""Small lakes for tests, written with delta-rs from the declarations of their tables."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from streams.contracts.arrow import arrow_schema
from streams.contracts.tables import Table

Rows = Iterable[Mapping[str, Any]]


def write_table(lake: Path, table: Table, rows: Rows = ()) -> None:
    """Make the table with these rows, or add them to it. Columns that a row leaves out are null."""
    schema = arrow_schema(table)
    whole = [{name: row.get(name) for name in schema.names} for row in rows]
    write_deltalake(
        lake / table.name,
        pa.Table.from_pylist(whole, schema=schema),
        mode="append",
        partition_by=list(table.partitioned_by),
    )
