"""Migration of a keyspace to the current schema, one process at a time."""

import re
from collections.abc import Callable, Mapping, Sequence

from streams.errors import UserError
from streams.migration_files import Migrated, Migration, verify
from streams.sinks.cassandra.lock import MigrationLock
from streams.sinks.cassandra.migration_copies import COPIES
from streams.sinks.cassandra.migrations import shipped
from streams.sinks.cassandra.session import Session

_KEYSPACE = re.compile(r"[a-z][a-z0-9_]{0,47}")
_AGREEMENT_S = 60.0

_CREATE_KEYSPACE = """
CREATE KEYSPACE IF NOT EXISTS {keyspace}
WITH replication = {{'class': 'NetworkTopologyStrategy', 'replication_factor': {replication}}}
"""
_CREATE_JOURNAL = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version int PRIMARY KEY, name text, checksum text, applied_at timestamp)
"""
_READ_JOURNAL = "SELECT version, checksum FROM schema_migrations"
_WRITE_JOURNAL = (
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) "
    "VALUES (?, ?, ?, toTimestamp(now()))"
)


def migrate(
    session: Session,
    keyspace: str,
    *,
    replication: int = 1,
    migrations: Sequence[Migration] | None = None,
    lock_wait_s: float = 60.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Migrated:
    """Create the keyspace if it does not exist, and apply the migrations that it does not have.

    Repeatable: a migration counts as applied once all its statements have run and its rows are
    copied; an interrupted migration runs again.

    Args:
        session: Session that uses the keyspace afterwards.
        keyspace: Name of the keyspace.
        replication: Replication factor of a keyspace that is created.
        migrations: Migrations in order; those of this release if `None`.
        lock_wait_s: Seconds to wait for another process that holds the migration lock.
        progress: Receives each migration's title before the migration runs.

    Returns:
        The titles of the migrations applied now, and of those applied before.

    Raises:
        UserError: The name cannot be that of a keyspace, an applied migration was edited or is
            unknown here, another process holds the lock for longer than `lock_wait_s` or has
            taken it since, or the nodes do not agree on the schema.
    """
    ordered = shipped() if migrations is None else migrations
    _create_keyspace(session, keyspace, replication)
    with MigrationLock(session, wait_s=lock_wait_s) as lock:
        session.run(_CREATE_JOURNAL)
        _await_agreement(session)
        journal = _journal(session)
        verify("keyspace", journal, ordered)
        pending = [migration for migration in ordered if migration.version not in journal]
        for migration in pending:
            progress(migration.title)
            _apply(session, lock, migration)
    return Migrated(
        applied=tuple(migration.title for migration in pending),
        already=tuple(migration.title for migration in ordered if migration not in pending),
    )


def require_migrated(session: Session, keyspace: str) -> None:
    """Use `keyspace`; raise UserError unless it has every migration of this release, unedited."""
    session.use(keyspace)
    hint = "bring it up to date with: storyline migrate"
    known = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?"
    if ("schema_migrations",) not in list(session.rows(known, keyspace)):
        raise UserError(f"keyspace {keyspace} has no tables yet", hint=hint)
    journal = _journal(session)
    ordered = shipped()
    verify("keyspace", journal, ordered)
    missing = [migration.title for migration in ordered if migration.version not in journal]
    if missing:
        raise UserError(f"keyspace {keyspace} is missing {', '.join(missing)}", hint=hint)


def _create_keyspace(session: Session, keyspace: str, replication: int) -> None:
    if not _KEYSPACE.fullmatch(keyspace):
        raise UserError(f"{keyspace!r} cannot be the name of a keyspace")
    session.run(_CREATE_KEYSPACE.format(keyspace=keyspace, replication=replication))
    session.use(keyspace)


def _journal(session: Session) -> Mapping[int, str]:
    """Return the applied migrations: number -> checksum."""
    return dict(session.rows(_READ_JOURNAL))


def _apply(session: Session, lock: MigrationLock, migration: Migration) -> None:
    for statement in migration.statements:
        lock.renew()
        session.run(statement)
        _await_agreement(session)
    if copy := COPIES.get(migration.title):
        copy(session, lock.renew)
    values = (migration.version, migration.name, migration.checksum)
    list(session.rows(_WRITE_JOURNAL, *values))


def _await_agreement(session: Session) -> None:
    if not session.await_schema_agreement(_AGREEMENT_S):
        raise UserError(
            f"Cassandra's nodes do not agree on the schema after {_AGREEMENT_S:.0f} s",
            hint="see that all nodes are up, then run it again",
        )
