"""Connecting to the accounts database, and PostgreSQL's errors sorted as the other stores' are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import errors

from streams.errors import StoreUnavailableError, UserError

MAINTENANCE: Final = "postgres"
"""The database that every server has."""
_CONNECT_S: Final = 10
_SETTINGS: Final = "check STORYLINE_ACCOUNTS__USER and STORYLINE_ACCOUNTS__PASSWORD"

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a PostgreSQL server, and who connects to it."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(default="", repr=False)

    @property
    def maintenance(self) -> "Server":
        """The same server's database that is always there."""
        return replace(self, database=MAINTENANCE)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


def connect(server: Server, *, statement_timeout_s: float = 0) -> Connection:
    """A connection in autocommit mode: what belongs together says `connection.transaction()`.

    Raises StoreUnavailableError where nobody answers, UserError where the database does not
    exist or the server refuses the user.
    """
    with driver_errors(server):
        return psycopg.connect(
            host=server.host,
            port=server.port,
            dbname=server.database,
            user=server.user,
            password=server.password or None,
            connect_timeout=_CONNECT_S,
            autocommit=True,
            application_name="storyline",
            options=f"-c timezone=UTC -c statement_timeout={int(statement_timeout_s * 1000)}",
        )


@contextmanager
def driver_errors(server: Server | None = None) -> Iterator[None]:
    """Raise what a retry may cure as StoreUnavailableError, everything else as it is."""
    try:
        yield
    except (errors.OperationalError, errors.ReadOnlySqlTransaction) as error:
        told = _first_line(error)
        if server is not None and (refused := _refusal(server, told)):
            raise refused from error
        raise StoreUnavailableError(f"PostgreSQL does not answer: {_shortened(told)}") from error


def _refusal(server: Server, told: str) -> UserError | None:
    """What a server that does answer has against the connection."""
    fatal = re.search(r"FATAL:\s+(.*)", told)
    match fatal and fatal[1]:
        case None:
            return None
        case str(reason) if reason == f'database "{server.database}" does not exist':
            return UserError(
                f"PostgreSQL at {server.address} has no database {server.database}",
                hint="create it with: storyline migrate",
            )
        case str(reason) if re.match(r"(the database system|sorry|remaining conn)", reason):
            return None
        case reason:
            return UserError(f"PostgreSQL at {server.address}: {reason}", hint=_SETTINGS)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    fatal = next((line for line in lines if "FATAL:" in line), None)
    return fatal or (lines[0] if lines else type(error).__name__)


def _shortened(told: str) -> str:
    """Without what libpq says twice."""
    return told.rpartition("failed: ")[2]
