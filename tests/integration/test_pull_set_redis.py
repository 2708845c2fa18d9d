"""The pull set of a real server passes the suite."""

from collections.abc import Iterator

import pytest
import redis

from streams.sinks.redis.pull_set import RedisPullSet
from tests.contract.pull_suite import PullServer, PullSuite
from tests.integration.valkey import Valkey

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.close()


class RealServer(PullServer):
    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        client.flushall()
        self.pulls: RedisPullSet = RedisPullSet(client, version="v1")

    def flush(self) -> None:
        self._client.flushall()

    def give_up_load(self) -> None:
        self.pulls._loading_s = 0

    def new_history(self) -> None:
        """A short time as a replica (of nobody), and promotion: the data stays."""
        self._client.replicaof("127.0.0.1", 1)
        self._client.replicaof("NO", "ONE")


class TestRedisPullSet(PullSuite):
    @pytest.fixture
    def server(self, valkey: Valkey) -> PullServer:
        return RealServer(valkey.client)
