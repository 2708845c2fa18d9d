"""Connection to Redis, and the distinction between its passing errors and its refusals."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from streams.errors import StoreRefusedError, StoreUnavailableError

# Errors of a server that is up but cannot serve, or serves nothing to this client. Inside a script,
# an old server puts the code after a dash in the middle of its message.
_NOT_NOW = re.compile(
    r"(?:^|-)(?:OOM|MISCONF|READONLY|NOREPLICAS|MASTERDOWN|BUSY|LOADING|CLUSTERDOWN|TRYAGAIN"
    r"|NOAUTH|WRONGPASS|NOPERM|DENIED|MOVED|ASK|NOSCRIPT)\b"
    r"|used memory > 'maxmemory'|against a read only replica|unknown command|max number of clients"
)


def connect(host: str, port: int, *, timeout_s: float = 5.0, retries: int = 1) -> redis.Redis:
    """Return a client with bounded waits. It connects on first use and is safe between threads.

    Args:
        host: Name or address of the server.
        port: TCP port of the server.
        timeout_s: Seconds to wait for a connection, and for each answer.
        retries: Number of retries of a failed command, with a backoff of up to half a second.
    """
    return redis.Redis(
        host=host,
        port=port,
        socket_connect_timeout=timeout_s,
        socket_timeout=timeout_s,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), retries),
    )


@contextmanager
def store_errors() -> Iterator[None]:
    """Translate the errors of Redis.

    Raises:
        StoreUnavailableError: The error passes by itself or once an operator acts.
        StoreRefusedError: Any other error, such as WRONGTYPE, which concerns the keys or values of
            the request.
    """
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise StoreUnavailableError(f"Redis does not answer: {error}") from error
    except ResponseError as error:
        if _NOT_NOW.search(str(error)):
            raise StoreUnavailableError(f"Redis cannot serve now: {error}") from error
        raise StoreRefusedError(f"Redis refuses: {error}") from error
