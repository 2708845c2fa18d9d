"""The accounts database that the settings name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streams.accounts.database import Connection, Server, connect
from streams.accounts.migrate import CaptureRole, migrate, require_migrated
from streams.accounts.store import AccountStore
from streams.app.settings import Settings
from streams.app.stores import START
from streams.errors import StoreUnavailableError, UserError
from streams.migration_files import Migrated


def accounts_server(settings: Settings) -> Server:
    named = settings.accounts
    return Server(
        host=settings.postgres_host,
        port=settings.ports.postgres,
        database=named.database,
        user=named.user,
        password=named.password.get_secret_value(),
    )


@contextmanager
def accounts_connection(settings: Settings) -> Iterator[Connection]:
    """Connect to the database; raise UserError if it is unavailable or not up to date."""
    with _hints(settings):
        connection = connect(accounts_server(settings))
    with connection:
        require_migrated(connection)
        yield connection


@contextmanager
def accounts_store(settings: Settings) -> Iterator[AccountStore]:
    """Open the accounts service's store; raise UserError if the server or database is missing."""
    with accounts_connection(settings) as connection:
        yield AccountStore(connection)


def migrate_accounts(settings: Settings, progress: Callable[[str], None]) -> Migrated:
    """Apply the migrations that the database does not have yet.

    Args:
        settings: Settings that name the server and the capture role.
        progress: Called with each migration's title before it runs.

    Raises:
        UserError: PostgreSQL does not answer or refuses.
    """
    named = settings.accounts
    capture = CaptureRole(named.cdc_user, named.cdc_password.get_secret_value())
    with _hints(settings):
        return migrate(accounts_server(settings), capture, progress=progress)


@contextmanager
def _hints(settings: Settings) -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError as error:
        server = accounts_server(settings)
        raise UserError(f"{error} ({server.address})", hint=START) from error
