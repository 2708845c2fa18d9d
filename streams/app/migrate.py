"""Migration of the durable views' keyspace that the settings name."""

from collections.abc import Callable

from streams.app.settings import Settings
from streams.errors import StoreUnavailableError, UserError
from streams.migration_files import Migrated
from streams.sinks.cassandra.migrate import migrate
from streams.sinks.cassandra.session import connect


def migrate_views(settings: Settings, progress: Callable[[str], None]) -> Migrated:
    """Apply the migrations that the keyspace does not have yet.

    Args:
        settings: Settings that name Cassandra and the keyspace.
        progress: Called with each migration's title before it runs.

    Raises:
        UserError: Cassandra does not answer or refuses.
    """
    host, port = settings.cassandra_host, settings.ports.cassandra
    try:
        with connect(host, port) as session:
            return migrate(
                session,
                settings.keyspace,
                replication=settings.cassandra_replication,
                progress=progress,
            )
    except StoreUnavailableError as error:
        raise UserError(
            f"{host}:{port}: {error}",
            hint="start the local servers with: storyline up; then run it again",
        ) from error
