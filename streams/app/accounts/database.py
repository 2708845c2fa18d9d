"""The accounts database, as the settings name it."""

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
    """A connection to a database that is up to date. UserError where there is none."""
    with _told_what_to_do(settings):
        connection = connect(accounts_server(settings))
    with connection:
        require_migrated(connection)
        yield connection


@contextmanager
def accounts_store(settings: Settings) -> Iterator[AccountStore]:
    """The accounts service's writes. UserError where the server or the database is missing."""
    with accounts_connection(settings) as connection:
        yield AccountStore(connection)


def migrate_accounts(settings: Settings, progress: Callable[[str], None]) -> Migrated:
    """Apply what the database lacks. UserError where PostgreSQL does not answer or refuses."""
    named = settings.accounts
    capture = CaptureRole(named.cdc_user, named.cdc_password.get_secret_value())
    with _told_what_to_do(settings):
        return migrate(accounts_server(settings), capture, progress=progress)


@contextmanager
def _told_what_to_do(settings: Settings) -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError as error:
        server = accounts_server(settings)
        raise UserError(f"{error} ({server.address})", hint=START) from error
