"""Removal of tables and checkpoints before jobs start over; complete even after an interruption."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from streams.errors import UserError

_FILE: Final = "_rebuild.json"


class Rebuild(NamedTuple):
    """Jobs and tables that start over for a table, each in the order in which the jobs run."""

    jobs: tuple[str, ...]
    """Jobs that lose their checkpoints: each gets a new id and reads its sources from the start."""
    tables: tuple[str, ...]
    """Tables of the star that are removed and filled again."""
    sources: tuple[str, ...]
    """Bronze tables that are read again."""


def rebuild_of(table: str) -> Rebuild:
    """Return the jobs and tables that start over if a table of bronze or of the star is rebuilt.

    Raises:
        UserError: there is no such table, or no job reads it.
    """
    from jobs.run import QUERIES
    from streams.contracts.tables import BRONZE, DIM_DATE, DIM_USERS, QUARANTINE, STAR

    star = {known.name for known in STAR}
    if table == DIM_DATE.name:
        return Rebuild((), (table,), ())
    if table not in {*star, *BRONZE.values(), QUARANTINE}:
        raise UserError(f"there is no table {table}", hint=f"tables: {', '.join(_known())}")
    chosen = {query.name for query in QUERIES if table == query.target or table in query.sources}
    if not chosen:
        raise UserError(f"no job reads {table}: there is nothing to rebuild")
    users = {query.name for query in QUERIES if query.target == DIM_USERS.name}
    if chosen & users:
        # Facts name versions of users, and only they make inferred users.
        chosen |= {*users, "restatement", "fact_engagement", "fact_follows"}
    return _of_jobs(chosen)


def rebuild_of_all() -> Rebuild:
    """Return the jobs and tables that start over if the whole star is rebuilt."""
    from jobs.run import QUERIES
    from streams.contracts.tables import DIM_DATE

    every = _of_jobs({query.name for query in QUERIES})
    return every._replace(tables=(*every.tables, DIM_DATE.name))


def _of_jobs(chosen: set[str]) -> Rebuild:
    from jobs.run import QUERIES
    from streams.contracts.tables import STAR

    queries = [query for query in QUERIES if query.name in chosen]
    star = {known.name for known in STAR}
    read = dict.fromkeys(source for query in queries for source in query.sources)
    return Rebuild(
        tuple(query.name for query in queries),
        tuple(dict.fromkeys(query.target for query in queries if query.target in star)),
        tuple(source for source in read if source not in star),
    )


def _known() -> Sequence[str]:
    from jobs.run import BRONZE_READ
    from streams.contracts.tables import STAR

    return (*BRONZE_READ, *(table.name for table in STAR))


def remove(lake: Path, rebuild: Rebuild) -> None:
    """Remove checkpoints and tables; `finish_removal` completes an interrupted removal."""
    text = json.dumps({"jobs": rebuild.jobs, "tables": rebuild.tables})
    fresh = (lake / _FILE).with_suffix(".tmp")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(lake / _FILE)
    finish_removal(lake)


def finish_removal(lake: Path) -> None:
    """Complete a removal that `remove` began; do nothing if there is none."""
    try:
        begun = json.loads((lake / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    folders = [lake / "_checkpoints" / job for job in begun["jobs"]]
    for folder in (*folders, *(lake / table for table in begun["tables"])):
        if folder.exists():
            shutil.rmtree(folder)
    (lake / _FILE).unlink()
