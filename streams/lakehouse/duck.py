"""DuckDB over the Delta tables of a lake: in memory, read-only and without any network.

Each table is pinned to the version that it has when the lake is opened, so that one answer comes
from one state of each table, also while workers and jobs keep writing.
"""

import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import duckdb_extension_delta

from streams.contracts.tables import BRONZE, QUARANTINE, STAR
from streams.errors import UserError

T = TypeVar("T")

_CONFIG: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}
_LANDED: Final = frozenset({*BRONZE.values(), QUARANTINE})
_DERIVED: Final = frozenset(table.name for table in STAR)
DECLARED: Final = _LANDED | _DERIVED
"""Tables that a lake has once its worker and its jobs have run."""
_NOTICED_WITHIN: Final = 0.1
"""Seconds until Ctrl-C is noticed at the latest."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Resources of a question. Data that exceeds `memory_mb` (MiB) goes to a temporary folder."""

    memory_mb: int = 4096
    threads: int | None = None
    """Number of threads; `None` for one per core."""


def tables_of(lake: Path) -> tuple[str, ...]:
    """Return the names of the Delta tables in a lake.

    Raises:
        UserError: there is no lake.
    """
    if not lake.is_dir():
        raise UserError(
            f"there is no lake at {lake}",
            hint="`storyline run lake` and `storyline lake run --once` fill it; "
            "STORYLINE_LAKE says where it is",
        )
    return tuple(sorted(log.parent.name for log in lake.glob("*/_delta_log") if any(log.iterdir())))


def require(lake: Path, names: Collection[str]) -> None:
    """Raise `UserError` for the first of the names, in alphabetical order, that no table of the
    lake has."""
    missing = sorted(set(names) - set(tables_of(lake)))
    if missing:
        raise UserError(f"the lake at {lake} has no table {missing[0]}", hint=_maker(missing[0]))


@contextmanager
def opened(
    lake: Path,
    limits: Limits,
    names: Collection[str] | None = None,
    optional: Collection[str] = (),
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with a view per table.

    It reads nothing but the lake, and no setting can be changed any more.

    Args:
        names: tables of the lake; `None` for every one.
        optional: further tables; one that cannot be read becomes a view that says so.

    Raises:
        UserError: a table of `names` is missing or cannot be read.
    """
    if names is None:
        names = tables_of(lake)
    else:
        require(lake, names)
    with (
        tempfile.TemporaryDirectory(prefix="storyline-ask-") as spill,
        connected(limits) as session,
    ):
        for name in names:
            _view(session, lake, name)
        for name in sorted(set(optional) - set(names)):
            _view_or_reason(session, lake, name)
        folders = ", ".join(map(quoted, (str(lake), spill)))
        session.execute(f"SET temp_directory = {quoted(spill)}")
        session.execute(f"SET allowed_directories = [{folders}]")
        session.execute("SET enable_external_access = false")
        session.execute("SET lock_configuration = true")
        yield session


@contextmanager
def connected(limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with the Delta extension that is installed as a Python package."""
    config: dict[str, Any] = {**_CONFIG, "memory_limit": f"{limits.memory_mb}MiB"}
    if limits.threads is not None:
        config["threads"] = str(limits.threads)
    with duckdb.connect(":memory:", config=config) as session:
        session.execute(f"LOAD {quoted(str(_extension()))}")
        session.execute("SET TimeZone = 'UTC'")
        yield session


@contextmanager
def parser() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that parses SQL and has no table."""
    with duckdb.connect(":memory:", config={**_CONFIG}) as session:
        yield session


def interruptible(session: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Return the result of `work`; Ctrl-C ends it at once.

    `work` runs in its own thread: while DuckDB or Arrow computes, the thread that calls it runs no
    Python code that could notice the signal. The calling thread wakes up now and then instead of
    sleeping until the end: if the system delivers the signal to another thread, nothing wakes it.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            while not wait((future,), timeout=_NOTICED_WITHIN).done:
                pass
        except KeyboardInterrupt:
            session.interrupt()
            raise
        return future.result()


def quoted(text: str) -> str:
    """Return an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _view(session: duckdb.DuckDBPyConnection, lake: Path, name: str) -> None:
    catalog, view = _identifier(f"delta {name}"), _identifier(name)
    where = quoted(str(lake / name))
    try:
        attach = f"ATTACH {where} AS {catalog} (TYPE delta, PIN_SNAPSHOT, READ_ONLY)"
        interruptible(session, lambda: session.execute(attach))
        interruptible(session, lambda: session.execute(f"CREATE VIEW {view} AS FROM {catalog}"))
    except duckdb.Error as error:
        reason = str(error).split("\n", 1)[0]
        raise UserError(f"table {name} at {lake / name} cannot be read: {reason}") from error


def _view_or_reason(session: duckdb.DuckDBPyConnection, lake: Path, name: str) -> None:
    try:
        _view(session, lake, name)
    except UserError as error:
        # If it stayed attached, every query that lists tables would fail.
        session.execute(f"DETACH DATABASE IF EXISTS {_identifier(f'delta {name}')}")
        view, reason = _identifier(name), quoted(error.message)
        session.execute(f"CREATE VIEW {view} AS SELECT error({reason}) AS unreadable")


def _extension() -> Path:
    folder = files(duckdb_extension_delta) / "extensions" / f"v{duckdb.__version__}"
    return Path(str(folder / "delta.duckdb_extension"))


def _maker(name: str) -> str:
    if name in _LANDED:
        return "the worker of `storyline run lake` makes it"
    if name in _DERIVED:
        return "`storyline lake run --once` makes it"
    return "`storyline ask --sql 'SHOW TABLES'` shows what there is"
