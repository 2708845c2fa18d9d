"""Connections to the accounts database, and PostgreSQL's errors mapped to those of all stores."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import errors

from streams.errors import StoreUnavailableError, UserError

MAINTENANCE: Final = "postgres"
"""Name of the database that every server has."""
_CONNECT_S: Final = 10
_SETTINGS: Final = "check STORYLINE_ACCOUNTS__USER and STORYLINE_ACCOUNTS__PASSWORD"

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a PostgreSQL server, and the user that connects to it."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(default="", repr=False)

    @property
    def maintenance(self) -> "Server":
        """Maintenance database of this server, which always exists."""
        return replace(self, database=MAINTENANCE)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


def connect(server: Server, *, statement_timeout_s: float = 0) -> Connection:
    """Open a connection in autocommit mode; group statements with `connection.transaction()`.

    Args:
        server: The database.
        statement_timeout_s: Longest duration of a statement in seconds; 0 for no limit.

    Raises:
        StoreUnavailableError: The server does not answer.
        UserError: The database does not exist, or the server refuses the user.
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
    """Raise errors that a retry may cure as StoreUnavailableError, and others unchanged.

    With `server`, a refused connection is raised as UserError.
    """
    try:
        yield
    except (errors.OperationalError, errors.ReadOnlySqlTransaction) as error:
        message = _first_line(error)
        if server is not None and (refused := _refusal(server, message)):
            raise refused from error
        raise StoreUnavailableError(f"PostgreSQL does not answer: {_shortened(message)}") from error


def _refusal(server: Server, message: str) -> UserError | None:
    """Return the error of a server that refuses the connection; `None` if a retry may help."""
    fatal = re.search(r"FATAL:\s+(.*)", message)
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


def _shortened(message: str) -> str:
    """Return a message without the part that libpq repeats."""
    return message.rpartition("failed: ")[2]
