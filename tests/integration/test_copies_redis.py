"""Copies on a real server pass the suite, and live as long as they were given."""

import pytest
import redis

from streams.sinks.redis.row_cache import LEASE_S, RedisRowCache
from streams.views.row_cache import CachedRow
from tests.contract.copies_suite import ANN, CopyServer, CopySuite
from tests.integration.valkey import Valkey, begin_new_history

pytestmark = pytest.mark.stack


class RealServer(CopyServer):
    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        client.flushall()
        self.copies = RedisRowCache(client, version="v1", parts=4, letter="p")

    def flush(self) -> None:
        self.client.flushall()

    def evict(self, one: int) -> None:
        for key in self.client.scan_iter(b"*:" + one.to_bytes(8, "big")):
            self.client.delete(key)

    def new_history(self) -> None:
        begin_new_history(self.client)


@pytest.fixture
def server(valkey: Valkey) -> RealServer:
    return RealServer(valkey.client)


class TestRedisCopies(CopySuite):
    """The suite."""


def test_a_lease_ends_by_itself_and_a_copy_when_it_should(server: RealServer) -> None:
    lease = server.copies.read([ANN])
    (key,) = server.client.scan_iter()
    assert 0 < server.client.ttl(key) <= LEASE_S
    server.copies.fill(lease.token, {ANN: CachedRow(b"a", 1800)})
    assert LEASE_S < server.client.ttl(key) <= 1800
