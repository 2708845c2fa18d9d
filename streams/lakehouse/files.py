"""Data files of a Delta table: which exist, and how they write their timestamps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

_INT96: Final = "INT96"


class DataFile(NamedTuple):
    """File of a table's newest version."""

    path: Path
    day: str | None
    """Day that the file belongs to, `None` in a table without partitions."""


def data_files(table: DeltaTable, folder: Path) -> Iterator[DataFile]:
    """Yield the files that the table's snapshot names, whether they exist or not."""
    rows = pa.table(table.get_add_actions(flatten=True))
    partitions = [name for name in rows.column_names if name.startswith("partition.")]
    days = rows[partitions[0]].to_pylist() if partitions else [None] * len(rows)
    for path, day in zip(rows["path"].to_pylist(), days, strict=True):
        yield DataFile(folder / unquote(path), None if day is None else str(day))


def unreadable(files: Iterator[DataFile]) -> Iterator[tuple[DataFile, str]]:
    """Yield the files that are missing or not Parquet, with the reason."""
    for file in files:
        try:
            pq.read_metadata(file.path)
        except (OSError, pa.ArrowException) as error:
            yield file, str(error).split("\n", 1)[0]


def int96_files(files: Iterator[DataFile]) -> Iterator[DataFile]:
    """Yield the files with a column of the deprecated type INT96.

    Most readers take it for nanoseconds since 1970 and cannot represent times before 1677-09-21 or
    after 2262-04-11. A file that is missing or not Parquet is left out: `unreadable` finds it.
    """
    for file in files:
        try:
            schema = pq.read_metadata(file.path).schema
        except (OSError, pa.ArrowException):
            continue
        if any(schema.column(index).physical_type == _INT96 for index in range(len(schema))):
            yield file
