"""Connection to Cassandra: prepared statements, bulk reads, and translation of driver errors."""

import logging
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Self

from cassandra import (
    AuthenticationFailed,
    ConsistencyLevel,
    CoordinationFailure,
    InvalidRequest,
    OperationTimedOut,
    Timeout,
    Unauthorized,
    Unavailable,
    UnresolvableContactPoints,
)
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.cluster import Session as DriverSession
from cassandra.concurrent import execute_concurrent
from cassandra.connection import ConnectionException
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    TokenAwarePolicy,
)
from cassandra.protocol import (
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    ServerError,
    TruncateError,
)
from cassandra.query import PreparedStatement, tuple_factory

from streams.errors import StoreRefusedError, StoreUnavailableError, UserError

Row = tuple[Any, ...]

_PROTOCOL_VERSION = 5
KEYS_PER_QUERY = 100
_IN_FLIGHT = 64  # requests of one call that wait for answers at the same time
_UNAVAILABLE = (
    AuthenticationFailed,
    ConnectionException,
    CoordinationFailure,
    IsBootstrappingErrorMessage,
    NoHostAvailable,
    OperationTimedOut,
    OverloadedErrorMessage,
    ServerError,
    Timeout,
    TruncateError,
    Unauthorized,
    Unavailable,
    UnresolvableContactPoints,
)
_NOT_MIGRATED = re.compile(
    r"unconfigured (?:table|columnfamily)|(?:table|keyspace) \S+ does not exist"
    r"|no keyspace has been specified|undefined (?:column )?name|unknown identifier",
    re.IGNORECASE,
)
"""Messages of Cassandra for every statement while a table, column or keyspace is missing."""
_UNENCODABLE = (TypeError, ValueError, OverflowError, struct.error)
"""Errors that the driver raises for a value that its column cannot hold."""

logging.getLogger("cassandra").addHandler(logging.NullHandler())


class Session:
    """A connected session; safe between threads. Use as a context manager, or `close()` it.

    Every method raises StoreUnavailableError if Cassandra cannot answer now. Reads and writes with
    values raise StoreRefusedError if Cassandra refuses the statement because of its values; any
    other refusal propagates as the driver's own error.
    """

    def __init__(self, cluster: Cluster, driver: DriverSession) -> None:
        self._cluster = cluster
        self._driver = driver
        self._prepared: dict[str, PreparedStatement] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._cluster.shutdown()

    def prepared(self, cql: str) -> PreparedStatement:
        """Return the prepared statement of a CQL text; prepare each text once."""
        statement = self._prepared.get(cql)
        if statement is None:
            with driver_errors():
                statement = self._prepared[cql] = self._driver.prepare(cql)
            statement.is_idempotent = True
        return statement

    def rows(self, cql: str, *values: Any) -> Iterator[Row]:
        """Yield the rows of one query, page by page."""
        with statement_errors():
            yield from self._driver.execute(self.prepared(cql), values)

    def rows_of_all(self, questions: Iterable[tuple[str, Sequence[Any]]]) -> Iterator[list[Row]]:
        """Yield the rows of each query, in the order of the queries, which run concurrently.

        Args:
            questions: CQL text and values of each query.
        """
        # A list, because the driver iterates under a lock that answers need too: to prepare there
        # would deadlock.
        with statement_errors():
            prepared = [(self.prepared(cql), values) for cql, values in questions]
            for answer in execute_concurrent(self._driver, prepared, concurrency=_IN_FLIGHT):
                yield list(answer.result_or_exc)

    def rows_in(self, cql: str, keys: Iterable[Any], *values: Any) -> Iterator[Row]:
        """Yield the rows of a query whose first value is a set of keys, in concurrent parts.

        A query of a hundred keys costs a client a seventieth of what a hundred queries cost.

        Args:
            cql: Query with a marker for the keys, then one for each further value.
            keys: Keys, divided into parts of `KEYS_PER_QUERY`.
            *values: Values after the keys.
        """
        questions = ((cql, (part, *values)) for part in parts(keys, KEYS_PER_QUERY))
        for rows in self.rows_of_all(questions):
            yield from rows

    def run(self, cql: str) -> list[Row]:
        """Execute a statement that is used once and has no values, such as a definition."""
        with driver_errors():
            return list(self._driver.execute(cql))

    def run_all(self, statements: Iterable[Any]) -> None:
        """Execute bound statements concurrently; return when every one is acknowledged."""
        with statement_errors():
            bound = [(statement, None) for statement in statements]
            execute_concurrent(self._driver, bound, concurrency=_IN_FLIGHT)

    def use(self, keyspace: str) -> None:
        """Make `keyspace` the one that statements refer to.

        Raises:
            UserError: The keyspace does not exist.
        """
        try:
            with driver_errors():
                self._driver.set_keyspace(keyspace)
        except InvalidRequest as error:
            raise UserError(
                f"Cassandra has no keyspace {keyspace}", hint="create it with: storyline migrate"
            ) from error

    def await_schema_agreement(self, seconds: float) -> bool:
        """Wait up to `seconds` until all nodes have one schema; return whether they have."""
        with driver_errors():
            return bool(
                self._cluster.control_connection.wait_for_schema_agreement(wait_time=seconds)
            )


def connect(
    host: str,
    port: int,
    keyspace: str | None = None,
    *,
    request_timeout_s: float = 20.0,
) -> Session:
    """Connect to a cluster through one of its nodes.

    Reads and writes use LOCAL_QUORUM, so that with more than one replica a read sees what was
    acknowledged; a node that comes back is used again within seconds.

    Args:
        host: Name or address of a node.
        port: CQL port of the node.
        keyspace: Keyspace that statements refer to, if any.
        request_timeout_s: Seconds to wait for the answer to a request.

    Raises:
        StoreUnavailableError: No node answers.
        UserError: `keyspace` does not exist.
    """
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=request_timeout_s,
        row_factory=tuple_factory,
    )
    with driver_errors():  # such as a name that does not resolve
        cluster = Cluster(
            [host],
            port=port,
            protocol_version=_PROTOCOL_VERSION,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            reconnection_policy=ExponentialReconnectionPolicy(0.5, 5.0, max_attempts=None),
            schema_metadata_enabled=False,
        )
    try:
        with driver_errors():
            session = Session(cluster, cluster.connect())
        if keyspace is not None:
            session.use(keyspace)
    except BaseException:
        cluster.shutdown()
        raise
    return session


@contextmanager
def driver_errors() -> Iterator[None]:
    """Raise errors that a retry may cure as StoreUnavailableError, all others unchanged."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise StoreUnavailableError(f"Cassandra does not answer: {_one_line(error)}") from error


@contextmanager
def statement_errors() -> Iterator[None]:
    """Translate the errors of statements that carry the values of records.

    Raises:
        StoreUnavailableError: Cassandra cannot answer now, or a table or column is missing.
        StoreRefusedError: Cassandra refuses the values, or the driver cannot encode one.
    """
    try:
        with driver_errors():
            yield
    except InvalidRequest as error:
        if _NOT_MIGRATED.search(str(error)):
            raise StoreUnavailableError(
                f"a table or column is missing in Cassandra; run storyline migrate: {error}"
            ) from error
        raise StoreRefusedError(f"Cassandra refuses the values: {_one_line(error)}") from error
    except _UNENCODABLE as error:
        raise StoreRefusedError(f"Cassandra's driver cannot encode a value: {error}") from error


def _one_line(error: Exception) -> str:
    if isinstance(error, NoHostAvailable) and error.errors:
        causes = error.errors.values() if isinstance(error.errors, dict) else error.errors
        return "; ".join(sorted({str(cause) for cause in causes}))
    return str(error) or type(error).__name__


def parts(keys: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the keys in lists of at most `size`."""
    remaining = iter(keys)
    while part := list(islice(remaining, size)):
        yield part
