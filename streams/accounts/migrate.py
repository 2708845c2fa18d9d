"""Migration of the accounts database, by one process at a time."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from psycopg import errors, sql

from streams.accounts.database import Connection, Server, connect, driver_errors
from streams.accounts.migrations import shipped
from streams.errors import UserError
from streams.migration_files import Migrated, Migration, verify

PUBLICATION: Final = "accounts_cdc"
"""Name of the publication that the migrations create."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
_LOCK_KEY: Final = 0x73746F7279  # "story": one lock for all databases of a server

_CREATE_JOURNAL: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now())
"""
_READ_JOURNAL: Final = "SELECT version, checksum FROM schema_migrations"
_WRITE_JOURNAL: Final = (
    "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)"
)
_QUIET_LOG: Final = (
    "ALTER DATABASE {} SET log_error_verbosity = terse",
    "ALTER DATABASE {} SET log_min_error_statement = panic",
)
"""Without these, the server's log repeats a refused row: its e-mail address and password hash."""
_RIGHTS: Final = (
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT ON users, cdc_heartbeat TO {role}",
    "GRANT UPDATE (ts) ON cdc_heartbeat TO {role}",
)


@dataclass(frozen=True, slots=True)
class CaptureRole:
    """Role that the connector connects as."""

    name: str
    password: str = field(default="", repr=False)


def migrate(
    server: Server,
    capture: CaptureRole,
    *,
    migrations: Sequence[Migration] | None = None,
    lock_wait_s: float = 60.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Migrated:
    """Create the database and the capture role if necessary, and apply the missing migrations.

    Each migration is applied completely or not at all.

    Args:
        server: The accounts database.
        capture: The role that the connector connects as.
        migrations: By default, those of this release, after which the role gets its rights.
        lock_wait_s: Longest wait in seconds for another process that migrates.
        progress: Receives each migration's title before it runs.

    Raises:
        UserError: A name is not allowed, an applied migration was edited or is unknown here,
            another process holds the lock for longer than `lock_wait_s`, or the user has
            too few rights.
        StoreUnavailableError: PostgreSQL does not answer.
    """
    ordered = shipped() if migrations is None else migrations
    for name in (server.database, capture.name):
        if not _NAME.fullmatch(name):
            raise UserError(f"{name!r} cannot be the name of a database or of a role")
    with (
        connect(server.maintenance) as admin,
        driver_errors(),
        _permitted(server),
        _lock(admin, lock_wait_s),
    ):
        _create(admin, server, capture)
        with connect(server) as connection:
            journal = _journal(connection)
            verify("accounts database", journal, ordered)
            pending = [migration for migration in ordered if migration.version not in journal]
            for migration in pending:
                progress(migration.title)
                _apply(connection, migration)
            if migrations is None:
                _grant(connection, server, capture)
    return Migrated(
        applied=tuple(migration.title for migration in pending),
        already=tuple(migration.title for migration in ordered if migration not in pending),
    )


def require_migrated(connection: Connection) -> None:
    """Raise UserError unless the database has every migration of this release, unedited."""
    name, hint = connection.info.dbname, "bring it up to date with: storyline migrate"
    with driver_errors():
        try:
            journal: dict[int, str] = dict(connection.execute(_READ_JOURNAL).fetchall())
        except errors.UndefinedTable:
            raise UserError(f"database {name} has no tables yet", hint=hint) from None
    ordered = shipped()
    verify("accounts database", journal, ordered)
    if missing := [migration.title for migration in ordered if migration.version not in journal]:
        raise UserError(f"database {name} is missing {', '.join(missing)}", hint=hint)


@contextmanager
def _lock(admin: Connection, wait_s: float) -> Iterator[None]:
    """Hold the server's advisory lock, which ends with the connection at the latest."""
    admin.execute(sql.SQL("SET lock_timeout = {}").format(int(wait_s * 1000) or 1))
    try:
        admin.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
    except errors.LockNotAvailable:
        raise UserError(
            "another migration of the accounts database is running",
            hint="wait for it; a process that died holds no lock",
        ) from None
    try:
        yield
    finally:
        if not admin.closed:
            admin.execute("SELECT pg_advisory_unlock(%s)", (_LOCK_KEY,))


@contextmanager
def _permitted(server: Server) -> Iterator[None]:
    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise UserError(
            f"PostgreSQL does not let {server.user} do it: {error.diag.message_primary}",
            hint="migrate as a superuser: STORYLINE_ACCOUNTS__USER",
        ) from error


def _create(admin: Connection, server: Server, capture: CaptureRole) -> None:
    name = sql.Identifier(server.database)
    if not _exists(admin, "SELECT FROM pg_database WHERE datname = %s", server.database):
        admin.execute(sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(name))
    for statement in _QUIET_LOG:
        admin.execute(sql.SQL(statement).format(name))
    role = sql.Identifier(capture.name)
    if not _exists(admin, "SELECT FROM pg_roles WHERE rolname = %s", capture.name):
        admin.execute(sql.SQL("CREATE ROLE {}").format(role))
    if capture.name != server.user:
        admin.execute(
            sql.SQL("ALTER ROLE {} LOGIN REPLICATION NOSUPERUSER NOCREATEDB NOCREATEROLE").format(
                role
            )
        )
    if capture.password:
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, capture.password))


def _exists(admin: Connection, query: str, name: str) -> bool:
    return admin.execute(query.encode(), (name,)).fetchone() is not None


def _grant(connection: Connection, server: Server, capture: CaptureRole) -> None:
    """Grant only what capture needs: reading the published tables, writing the heartbeat's time."""
    database, role = sql.Identifier(server.database), sql.Identifier(capture.name)
    for right in _RIGHTS:
        connection.execute(sql.SQL(right).format(database=database, role=role))


def _journal(connection: Connection) -> Mapping[int, str]:
    """Return the applied migrations, number -> checksum; create the journal if it is missing."""
    connection.execute(_CREATE_JOURNAL)
    return dict(connection.execute(_READ_JOURNAL).fetchall())


def _apply(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.text.encode())
        connection.execute(_WRITE_JOURNAL, (migration.version, migration.name, migration.checksum))
