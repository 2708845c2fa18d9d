"""The row cache on a real server passes the suite; rows live as long as their time to live."""

import pytest
import redis

from streams.sinks.redis.row_cache import LEASE_S, RedisRowCache
from streams.views.row_cache import CachedRow
from tests.contract.row_cache_suite import ANN, RowCacheServer, RowCacheSuite
from tests.integration.valkey import Valkey, begin_new_history

pytestmark = pytest.mark.stack


class RealServer(RowCacheServer):
    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        client.flushall()
        self.cache = RedisRowCache(client, version="v1", parts=4, letter="p")

    def flush(self) -> None:
        self.client.flushall()

    def evict(self, row_id: int) -> None:
        for key in self.client.scan_iter(b"*:" + row_id.to_bytes(8, "big")):
            self.client.delete(key)

    def new_history(self) -> None:
        begin_new_history(self.client)


@pytest.fixture
def server(valkey: Valkey) -> RealServer:
    return RealServer(valkey.client)


class TestRedisRowCache(RowCacheSuite):
    """The suite."""


def test_leases_and_rows_expire(server: RealServer) -> None:
    lease = server.cache.get([ANN])
    (key,) = server.client.scan_iter()
    assert 0 < server.client.ttl(key) <= LEASE_S
    server.cache.fill(lease.token, {ANN: CachedRow(b"a", 1800)})
    assert LEASE_S < server.client.ttl(key) <= 1800
