"""The work of `storyline lake migrate`: rewrites tables of earlier versions in the current form."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from streams.app.lake.removal import finish_removal
from streams.app.lake.run import Reporter, lake_spark, run_lock
from streams.app.settings import Settings
from streams.contracts.tables import STAR, Table
from streams.errors import UserError
from streams.lakehouse.files import DataFile, data_files, int96_files, unreadable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_DAYS: Final = 32
"""Partitions that one commit rewrites, and so the most work that an interruption loses."""
_LISTED: Final = 3
"""Damaged files that a message names, per table."""


class Rewritten(NamedTuple):
    """A commit of the migration. `left` counts the table's files that are still to be rewritten."""

    table: str
    files: int
    rows: int
    left: int


def to_migrate(lake: Path, damaged: Collection[str] = ()) -> Mapping[str, Sequence[DataFile]]:
    """Return the files with INT96 timestamps by table, without tables that have none.

    `damaged` names tables to leave out: a rebuild writes their files again.
    """
    found = {name: list(int96_files(files)) for name, files in _star_files(lake)}
    return {name: files for name, files in found.items() if files and name not in damaged}


def damaged_tables(lake: Path) -> Mapping[str, str]:
    """Return a message for each table of the star with files that are missing or not Parquet."""
    messages = {}
    for name, files in _star_files(lake):
        if broken := sorted(unreadable(files)):
            paths = [str(file.path.relative_to(lake / name)) for file, _ in broken]
            listed = ", ".join(paths[:_LISTED]) + (", …" if len(paths) > _LISTED else "")
            text = f"{name}: {len(broken)} of its files cannot be read: {listed}"
            messages[name] = f"{text}: {broken[0][1]}"
    return messages


def _star_files(lake: Path) -> Iterator[tuple[str, Iterator[DataFile]]]:
    for table in STAR:
        folder = lake / table.name
        if DeltaTable.is_deltatable(str(folder)):
            yield table.name, data_files(DeltaTable(folder), folder)


def migrate(
    settings: Settings, reporter: Reporter, report: Callable[[Rewritten], None]
) -> Mapping[str, int]:
    """Rewrite files with INT96 timestamps.

    Each commit is complete in itself: after an interruption the next migration rewrites what is
    left. Spark starts only if there is something to do. A table with files that cannot be read is
    left as it is: a rebuild writes all of it again.

    Args:
        settings: Settings of the lake and of Spark.
        reporter: Receives the progress of Spark's start.
        report: Called after each commit.

    Returns:
        Number of rewritten files by table.

    Raises:
        UserError: another run works on the lake, a table cannot be written, or tables have damaged
            files, once all others are migrated.
    """
    lake = settings.lake_path
    if not lake.is_dir():
        raise UserError(f"there is no lake at {lake}", hint="STORYLINE_LAKE says where it is")
    with run_lock(lake):
        finish_removal(lake)
        damaged = damaged_tables(lake)
        found = to_migrate(lake, damaged)
        if found:
            with lake_spark(settings, reporter) as (session, stopping):
                for table in STAR:
                    if table.name in found:
                        _migrate(session, lake, table, found[table.name], report, stopping.is_set)
    if damaged:
        raise UserError(
            f"tables with damaged files were not migrated: {'; '.join(damaged.values())}",
            hint=" && ".join(f"storyline lake rebuild {name}" for name in damaged),
        )
    return {name: len(files) for name, files in found.items()}


def _migrate(
    session: "SparkSession",
    lake: Path,
    table: Table,
    files: Sequence[DataFile],
    report: Callable[[Rewritten], None],
    stopping: Callable[[], bool],
) -> None:
    from jobs.failures import Job, failure_of, is_of_spark
    from jobs.lake import Lake
    from jobs.migration import rewrite

    days = sorted({file.day for file in files if file.day is not None})
    left = len(files)
    for chosen in [days[start : start + _DAYS] for start in range(0, len(days), _DAYS)] or [[]]:
        if stopping():
            raise UserError(
                "ended before all was done", hint="nothing is lost: migrate again to go on"
            )
        before = _rows(lake / table.name)
        try:
            rewrite(session, Lake(str(lake)), table, chosen)
        except Exception as error:
            if not is_of_spark(error):
                raise
            job = Job("migration", (table.name,), table.name)
            failure = failure_of(job, Lake(str(lake)), error)
            raise UserError(f"{table.name}: {failure.message}", hint=failure.hint) from None
        after = _rows(lake / table.name)
        if before != after:
            raise UserError(
                f"{table.name} had {before} rows before the rewrite and has {after} now",
                hint=f"this is a fault of the migration: storyline lake rebuild {table.name}",
            )
        written = sum(1 for file in files if not chosen or file.day in chosen)
        left -= written
        report(Rewritten(table.name, written, after, left))


def _rows(folder: Path) -> int:
    files = pa.table(DeltaTable(folder).get_add_actions(flatten=True))
    return pc.sum(files["num_records"]).as_py() or 0
