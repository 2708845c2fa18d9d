"""Copies on a real server pass the suite, and live as long as they were given."""

from collections.abc import Iterator

import pytest
import redis

from streams.projections.copies import Copy
from streams.sinks.redis.copies import LEASE_S, RedisCopies
from tests.contract.copies_suite import ANN, CopyServer, CopySuite
from tests.integration.valkey import Valkey

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.close()


class RealServer(CopyServer):
    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        client.flushall()
        self.copies = RedisCopies(client, version="v1", parts=4, letter="p")

    def flush(self) -> None:
        self.client.flushall()

    def evict(self, one: int) -> None:
        for key in self.client.scan_iter(b"*:" + one.to_bytes(8, "big")):
            self.client.delete(key)

    def new_history(self) -> None:
        """A short time as a replica (of nobody), and promotion: the data stays."""
        self.client.replicaof("127.0.0.1", 1)
        self.client.replicaof("NO", "ONE")


@pytest.fixture
def server(valkey: Valkey) -> RealServer:
    return RealServer(valkey.client)


class TestRedisCopies(CopySuite):
    """The suite."""


def test_a_lease_ends_by_itself_and_a_copy_when_it_should(server: RealServer) -> None:
    lease = server.copies.read([ANN])
    (key,) = server.client.scan_iter()
    assert 0 < server.client.ttl(key) <= LEASE_S
    server.copies.fill(lease.token, {ANN: Copy(b"a", 1800)})
    assert LEASE_S < server.client.ttl(key) <= 1800
