"""What each store answers, sorted into verdicts about a record and servers that are away."""

import struct
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from cassandra import (
    AuthenticationFailed,
    InvalidRequest,
    OperationTimedOut,
    Unauthorized,
    Unavailable,
    WriteTimeout,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionShutdown
from cassandra.protocol import OverloadedErrorMessage, ServerError, SyntaxException
from confluent_kafka import KafkaError
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError
from psycopg import errors as postgres
from redis import exceptions as redis

from streams.accounts.database import driver_errors as postgres_errors
from streams.app.workers.run import REFUSALS, TRANSIENT
from streams.errors import StoreRefusedError, StoreUnavailableError
from streams.runtime.producer import AckedProducer, MessageRefusedError, ProducerUnavailableError
from streams.sinks.cassandra.session import Session, statement_errors
from streams.sinks.delta import table as delta
from streams.sinks.redis.client import store_errors
from tests.unit.sinks.test_lake_landing import TABLE, TOPIC, rows

AWAY, VERDICT = StoreUnavailableError, StoreRefusedError


def test_workers_wait_for_servers_and_reject_what_stores_refuse() -> None:
    assert AWAY in TRANSIENT
    assert REFUSALS == (VERDICT,)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest("Key length of 70000 is longer than maximum of 65535"), VERDICT),
        (InvalidRequest("Key may not be empty"), VERDICT),
        (InvalidRequest("unconfigured table posts"), AWAY),
        (InvalidRequest("Keyspace 'storyline_v9' does not exist"), AWAY),
        (InvalidRequest("Undefined column name created in table v1.posts"), AWAY),
        (struct.error("'i' format requires -2147483648 <= number <= 2147483647"), VERDICT),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), VERDICT),
        (TypeError("an integer is required"), VERDICT),
        (Unauthorized("no permission"), AWAY),
        (AuthenticationFailed("bad password"), AWAY),
        (OverloadedErrorMessage(0x1001, "overloaded", None), AWAY),
        (ServerError(0x0000, "a bug there", None), AWAY),
        (OperationTimedOut(), AWAY),
        (WriteTimeout("no", write_type=0), AWAY),
        (Unavailable("no", consistency=1), AWAY),
        (ConnectionShutdown("gone"), AWAY),
        (NoHostAvailable("none", {}), AWAY),
        (SyntaxException(0x2000, "line 1", None), SyntaxException),  # of this program, not a record
    ],
)
def test_cassandra(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised, statement_errors():
        raise error
    assert str(error).split("\n")[0][:20] in str(raised.value) or kind is AWAY


def test_a_value_that_the_driver_cannot_encode_is_a_verdict() -> None:
    def statements() -> object:
        yield from ()
        raise OverflowError("int too big to convert")

    session = Session(SimpleNamespace(), SimpleNamespace())
    with pytest.raises(StoreRefusedError, match="too big"):
        session.run_all(statements())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind"), VERDICT),
        (
            redis.ResponseError("ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
            VERDICT,
        ),
        (redis.OutOfMemoryError("OOM command not allowed when used memory > 'maxmemory'."), AWAY),
        (redis.ResponseError("-OOM command not allowed, script: 1"), AWAY),
        (redis.ReadOnlyError("READONLY You can't write against a read only replica."), AWAY),
        (redis.BusyLoadingError("LOADING Redis is loading the dataset in memory"), AWAY),
        (redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), AWAY),
        (redis.ResponseError("NOAUTH Authentication required."), AWAY),
        (redis.AuthenticationError("WRONGPASS invalid username-password pair"), AWAY),
        (redis.NoPermissionError("NOPERM this user has no permissions"), AWAY),
        (redis.ResponseError("DENIED Redis is running in protected mode"), AWAY),
        (redis.ResponseError("unknown command 'EVALSHA'"), AWAY),
        (redis.NoScriptError("NOSCRIPT No matching script."), AWAY),
        (redis.ResponseError("max number of clients reached"), AWAY),
        (redis.TimeoutError("Timeout reading from socket"), AWAY),
        (redis.ConnectionError("Connection refused"), AWAY),
    ],
)
def test_redis(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="Redis"), store_errors():
        raise error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CommitFailedError("transaction failed"), delta.ConcurrentCommitError),
        (OSError("No space left on device (os error 28)"), AWAY),
        (DeltaError("Generic LocalFileSystem error: Disk quota exceeded (os error 122)"), AWAY),
        (OSError("Read-only file system (os error 30)"), AWAY),
        (OSError("Generic S3 error: Client error with status 503 Slow Down"), AWAY),
        (OSError("error sending request: operation timed out"), AWAY),
        (SchemaMismatchError("Cannot cast schema"), delta.LakeError),
        (DeltaError("Object at location part-1.parquet not found"), delta.LakeError),
        (OSError("Permission denied (os error 13)"), delta.LakeError),
    ],
)
def test_the_lake(error: Exception, kind: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(kind, match="bronze"), delta._delta_errors(tmp_path / "bronze"):
        raise error


def test_a_value_that_no_column_of_the_lake_holds_is_a_verdict(tmp_path: Path) -> None:
    delta.create_tables(tmp_path, (TABLE,))
    table = delta.LakeTable(tmp_path, TABLE)
    given = rows((0, 0))
    at = given.schema.get_field_index("schema_id")
    too_large = given.set_column(at, "schema_id", pa.array([2**40], pa.int64()))
    with pytest.raises(StoreRefusedError, match="bronze_likes cannot hold a value"):
        table.append(too_large, TOPIC, {0: 0})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (postgres.ConnectionFailure("gone"), AWAY),
        (postgres.AdminShutdown("stopped"), AWAY),
        (postgres.DiskFull("full"), AWAY),
        (postgres.TooManyConnections("sorry"), AWAY),
        (postgres.SerializationFailure("again"), AWAY),
        (postgres.InvalidPassword("no"), AWAY),
        (postgres.ReadOnlySqlTransaction("a standby"), AWAY),
        (postgres.CheckViolation("users_times"), postgres.CheckViolation),
        (postgres.DatetimeFieldOverflow("no such day"), postgres.DatetimeFieldOverflow),
    ],
)
def test_postgresql(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind), postgres_errors():
        raise error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError._MSG_TIMED_OUT, ProducerUnavailableError),
        (KafkaError._ALL_BROKERS_DOWN, ProducerUnavailableError),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, ProducerUnavailableError),
        (KafkaError._AUTHENTICATION, ProducerUnavailableError),
        (KafkaError.MSG_SIZE_TOO_LARGE, MessageRefusedError),
        (KafkaError._UNKNOWN_TOPIC, MessageRefusedError),
    ],
)
def test_the_broker(code: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        AckedProducer._raise_errors([KafkaError(code)])
