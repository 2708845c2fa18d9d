"""The work of `storyline lake rebuild`: restarts jobs from bronze."""

from pathlib import Path

from deltalake import DeltaTable

from streams.app.lake.removal import Rebuild, finish_removal, remove
from streams.app.lake.run import Reporter, bring_up, lake_spark, require_bronze, run_lock
from streams.app.settings import Settings
from streams.errors import UserError
from streams.lakehouse.files import data_files, unreadable


def rebuild(settings: Settings, parts: Rebuild, reporter: Reporter) -> None:
    """Remove the tables and checkpoints of the jobs, then run all jobs once.

    The next `lake run` or `lake rebuild` completes an interrupted rebuild.

    Args:
        settings: Settings of the lake and of Spark.
        parts: Jobs and tables to remove, and the sources that must be readable first.
        reporter: Receives progress.

    Raises:
        UserError: a source cannot be read, and nothing was removed; or jobs failed.
    """
    lake = settings.lake_path
    require_bronze(lake)
    with run_lock(lake):
        finish_removal(lake)
        for source in parts.sources:
            _require_whole(lake / source)
        with lake_spark(settings, reporter) as (session, stopping):
            remove(lake, parts)
            bring_up(session, lake, True, 0, reporter, stopping)


def _require_whole(folder: Path) -> None:
    """Raise `UserError` if a file of the table is missing or damaged."""
    table = DeltaTable(folder)
    broken = list(unreadable(data_files(table, folder)))
    if broken:
        file, reason = broken[0]
        raise UserError(
            f"{folder.name} is not whole, and nothing was removed: of its files {len(broken)} "
            f"cannot be read, first {file.path}: {reason}",
            hint=f"restore them, or move {folder.name} away and restart the lake worker, which "
            "reads its topic again; then rebuild",
        )
