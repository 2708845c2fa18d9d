"""The connection to Redis, and which of its errors mean "not now"."""

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

# What a server says that is there but cannot serve, or serves nothing to this client; inside a
# script an old server puts the code after a dash in the middle of its message.
_NOT_NOW = re.compile(
    r"(?:^|-)(?:OOM|MISCONF|READONLY|NOREPLICAS|MASTERDOWN|BUSY|LOADING|CLUSTERDOWN|TRYAGAIN"
    r"|NOAUTH|WRONGPASS|NOPERM|DENIED|MOVED|ASK|NOSCRIPT)\b"
    r"|used memory > 'maxmemory'|against a read only replica|unknown command|max number of clients"
)


def connect(host: str, port: int, *, timeout_s: float = 5.0, retries: int = 1) -> redis.Redis:
    """A client with bounded waits. Connects on first use; safe between threads."""
    return redis.Redis(
        host=host,
        port=port,
        socket_connect_timeout=timeout_s,
        socket_timeout=timeout_s,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), retries),
    )


@contextmanager
def store_errors() -> Iterator[None]:
    """Sort errors: StoreUnavailableError for what passes by itself or by an operator's hand.

    Any other answer, such as WRONGTYPE, is about the keys or values of the request, and raises
    StoreRefusedError.
    """
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise StoreUnavailableError(f"Redis does not answer: {error}") from error
    except ResponseError as error:
        if _NOT_NOW.search(str(error)):
            raise StoreUnavailableError(f"Redis cannot serve now: {error}") from error
        raise StoreRefusedError(f"Redis refuses: {error}") from error
