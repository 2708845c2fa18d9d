"""The pull set of a real server passes the suite."""

import pytest
import redis

from streams.sinks.redis.pull_set import RedisPullSet
from tests.contract.pull_set_suite import PullSetServer, PullSetSuite
from tests.integration.valkey import Valkey, begin_new_history

pytestmark = pytest.mark.stack


class RealServer(PullSetServer):
    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        client.flushall()
        self.pulls: RedisPullSet = RedisPullSet(client, version="v1")

    def flush(self) -> None:
        self._client.flushall()

    def give_up_load(self) -> None:
        self.pulls._loading_s = 0

    def new_history(self) -> None:
        begin_new_history(self._client)


class TestRedisPullSet(PullSetSuite):
    @pytest.fixture
    def server(self, valkey: Valkey) -> PullSetServer:
        return RealServer(valkey.client)
