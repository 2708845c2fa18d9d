"""Mapping file of an import: foreign names, and the ids that they have in Storyline."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from streams.contracts.ids import MAX_ID
from streams.errors import UserError
from streams.importers.identifiers import (
    content_candidate,
    hashed,
    next_candidate,
    next_user,
    timeless_candidate,
    user_candidate,
)

_APPLICATION: Final = 0x53746F72  # "Stor", in SQLite's header
_FORMAT: Final = 1
_CACHED: Final = 100_000
_TABLES: Final = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE contents (id INTEGER PRIMARY KEY, uri TEXT NOT NULL);
CREATE TABLE dated (uri TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    id INTEGER PRIMARY KEY, uri TEXT NOT NULL, kind TEXT NOT NULL,
    target INTEGER NOT NULL, owner INTEGER NOT NULL
);
"""


class LinkRecord(NamedTuple):
    """Subject of a like, follow or block, for the line that ends it and names only its URI.

    `target` is the content or the user; `owner` is the content's author, or the same user.
    """

    kind: str
    target: int
    owner: int


class _Claims:
    """Ids that names have in one table of the file: each id has one name."""

    def __init__(self, database: sqlite3.Connection, table: str, column: str) -> None:
        self._database = database
        self._select = f"SELECT {column} FROM {table} WHERE id = ?"  # noqa: S608 - constants
        self._insert = f"INSERT INTO {table} (id, {column}) VALUES (?, ?)"  # noqa: S608
        self._pending: dict[int, str] = {}

    def name_of(self, claimed: int) -> str | None:
        name = self._pending.get(claimed)
        if name is not None:
            return name
        row = self._database.execute(self._select, (claimed,)).fetchone()
        return None if row is None else str(row[0])

    def add(self, claimed: int, name: str) -> None:
        self._pending[claimed] = name

    def write(self) -> None:
        self._database.executemany(self._insert, self._pending.items())
        self._pending.clear()


class IdentityMap:
    """Ids of users, contents and records, kept in an SQLite file.

    An id is computed from the name, so that another file gives the same id. If two names would have
    the same id, the second name gets the next free id, which the file remembers. `commit` writes
    everything since the last commit, or nothing.

    Memory does not grow with the number of names.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._users = _Claims(database, "users", "name")
        self._contents = _Claims(database, "contents", "uri")
        self._records: dict[int, tuple[str, LinkRecord]] = {}
        self._new_dates: dict[str, int] = {}
        self._has_dates = database.execute("SELECT 1 FROM dated LIMIT 1").fetchone() is not None
        self._user_cache: dict[str, int] = {}
        self._content_cache: dict[str, int] = {}
        self.collisions = 0
        """Number of names that got another id than their own because a different name has it."""

    def user(self, name: str) -> int:
        """Return the user id of a DID or of an actor's URI."""
        found = self._user_cache.get(name)
        if found is not None:
            return found
        candidate = user_candidate(name)
        while (owner := self._users.name_of(candidate)) != name:
            if owner is None:
                self._users.add(candidate, name)
                break
            self.collisions += 1
            candidate = next_user(candidate)
        _remember(self._user_cache, name, candidate)
        return candidate

    def content(self, uri: str, at_ms: int) -> int:
        """Return the id of a content whose URI contains its creation time `at_ms`."""
        return self._content(uri, content_candidate(uri, at_ms))

    def timeless(self, uri: str) -> int:
        """Return the id that represents a content whose creation time is unknown."""
        return self._content(uri, timeless_candidate(uri))

    def date(self, uri: str, at_ms: int) -> int:
        """Return the id of a content whose URI does not contain its creation time.

        The first call decides the time, which the file remembers under the URI.
        """
        found = self.dated(uri)
        if found is None:
            found = self._content(uri, content_candidate(uri, at_ms))
            self._new_dates[uri] = found
            self._has_dates = True
        return found

    def dated(self, uri: str) -> int | None:
        """Return the id that `date` gave to a URI, or `None`."""
        if not self._has_dates:
            return None
        if uri in self._new_dates:
            return self._new_dates[uri]
        row = self._database.execute("SELECT id FROM dated WHERE uri = ?", (uri,)).fetchone()
        return None if row is None else int(row[0])

    def remember(self, uri: str, link: LinkRecord) -> None:
        """Remember the subject of the record at `uri`; it replaces that of an earlier record."""
        self._records[self._record_key(uri)] = (uri, link)

    def recall(self, uri: str) -> LinkRecord | None:
        """Return the subject of the record at `uri`, or `None` if it was never seen."""
        found = self._record(self._record_key(uri))
        return None if found is None else found[1]

    def commit(self) -> None:
        """Write new entries in one transaction. Raises UserError if the file cannot be written."""
        try:
            with self._database:
                self._write()
        except sqlite3.Error as error:
            raise UserError(f"the mapping file cannot be written: {error}") from error
        self._new_dates.clear()
        self._records.clear()

    def close(self) -> None:
        """Close the file without writing uncommitted changes."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self) -> None:
        self._users.write()
        self._contents.write()
        self._database.executemany(
            "INSERT OR REPLACE INTO dated (uri, id) VALUES (?, ?)", self._new_dates.items()
        )
        self._database.executemany(
            "INSERT OR REPLACE INTO records (id, uri, kind, target, owner) VALUES (?, ?, ?, ?, ?)",
            ((key, uri, *link) for key, (uri, link) in self._records.items()),
        )

    def _content(self, uri: str, candidate: int) -> int:
        found = self._content_cache.get(uri)
        # A content may have a second, timeless id: the time of the candidate must agree.
        if found is not None and found >> 22 == candidate >> 22:
            return found
        while (owner := self._contents.name_of(candidate)) != uri:
            if owner is None:
                self._contents.add(candidate, uri)
                break
            self.collisions += 1
            candidate = next_candidate(candidate)
        _remember(self._content_cache, uri, candidate)
        return candidate

    def _record(self, key: int) -> tuple[str, LinkRecord] | None:
        if key in self._records:
            return self._records[key]
        row = self._database.execute(
            "SELECT uri, kind, target, owner FROM records WHERE id = ?", (key,)
        ).fetchone()
        return None if row is None else (row[0], LinkRecord(*row[1:]))

    def _record_key(self, uri: str) -> int:
        """Return the key of the URI's row: its hash, or the next one if another URI has that."""
        key = hashed(uri, 63)
        while (found := self._record(key)) is not None and found[0] != uri:
            key = (key + 1) & MAX_ID
        return key


def open_mapping(path: Path | None) -> IdentityMap:
    """Open a mapping file, creating it if it does not exist.

    Args:
        path: The file. `None` opens a temporary one that ends with the process.

    Raises:
        UserError: The file is no mapping file, is of another version, cannot be opened, or is
            in use by another process.
    """
    if path is not None and not path.parent.is_dir():
        raise UserError(f"{path.parent} is not a directory")
    database: sqlite3.Connection | None = None
    try:
        database = sqlite3.connect("" if path is None else path, timeout=1)
        _prepare(database, path)
        return IdentityMap(database)
    except sqlite3.Error as error:
        if database is not None:
            database.close()
        raise _explained(error, path) from error
    except UserError:
        if database is not None:
            database.close()
        raise


def open_mapping_copy(path: Path | None) -> IdentityMap:
    """Open a copy of a mapping file that ends with the process; empty if there is no such file.

    Raises:
        UserError: The file is no mapping file, is of another version, cannot be opened, or is
            in use by another process.
    """
    if path is None or not path.exists():
        return open_mapping(None)
    copy = sqlite3.connect("")
    with closing(open_mapping(path)) as original:
        original._database.backup(copy)
    return IdentityMap(copy)


def _prepare(database: sqlite3.Connection, path: Path | None) -> None:
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("PRAGMA cache_size = -32768")  # KiB
    database.execute("BEGIN IMMEDIATE")
    [(application,)] = database.execute("PRAGMA application_id")
    [(version,)] = database.execute("PRAGMA user_version")
    [(tables,)] = database.execute("SELECT count(*) FROM sqlite_schema")
    if not application and not tables:
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {_FORMAT}")
        for statement in _TABLES.split(";"):
            database.execute(statement)
    elif application != _APPLICATION:
        raise UserError(
            f"{path} is not a mapping file of `storyline load`",
            hint="Name another file with --mapping.",
        )
    elif version != _FORMAT:
        raise UserError(
            f"{path} is a mapping file of format {version}, this version reads format {_FORMAT}",
            hint="Name another file with --mapping, or load with the version that wrote it.",
        )
    database.commit()
    # A killed process loses nothing that is committed; after a loss of power the same input gives
    # the same ids again.
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")


def _explained(error: sqlite3.Error, path: Path | None) -> UserError:
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith("SQLITE_NOTADB"):
        return UserError(
            f"{path} is not a mapping file of `storyline load`",
            hint="Name another file with --mapping.",
        )
    if code.startswith("SQLITE_BUSY"):
        return UserError(
            f"the mapping file {path} is in use by another `storyline load`",
            hint="Wait until it has ended, or name another file with --mapping.",
        )
    return UserError(
        f"the mapping file {path} cannot be used: {error}",
        hint="Name a file in a folder that you may write to with --mapping.",
    )


def _remember(cache: dict[str, int], name: str, value: int) -> None:
    if len(cache) >= _CACHED:
        cache.clear()
    cache[name] = value
