"""What a page begins with is what its parts answer by themselves, in one round trip."""

from typing import Any

import pytest
import redis
from redis.connection import Connection

from streams.errors import StoreUnavailableError
from streams.sinks.redis.feed_context import RedisFeedContextReader
from streams.sinks.redis.pull_set import RedisPullSet
from streams.sinks.redis.row_cache import RedisRowCache
from streams.sinks.redis.timeline_cache import RedisTimelineCache
from streams.views.row_cache import CachedRow
from tests.integration.valkey import Valkey

pytestmark = pytest.mark.stack

READER, OTHER, ANN, BOB = 1, 2, 3, 4
MANY = range(100, 100 + 2500)
"""Authors of whom the pull set is asked in several calls."""


class Server:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        client.flushall()
        self.relations = RedisRowCache(client, version="v1", parts=4, letter="r")
        self.timelines = RedisTimelineCache(client, version="v1", shards=4)
        self.pulls = RedisPullSet(client, version="v1")
        self.openings = RedisFeedContextReader(client, self.relations, self.timelines, self.pulls)

    def fill(self) -> None:
        lease = self.relations.read((READER,))
        self.relations.fill(lease.token, {READER: CachedRow(b"whom READER follows", 60)})
        token = self.timelines.begin(READER, (ANN, BOB))
        assert token is not None
        assert self.timelines.install(READER, token, (9, 8), 7, b"s" * 16)
        loading = self.pulls.begin()
        assert loading is not None
        assert self.pulls.install(loading, {ANN: 9, MANY[0]: 5, MANY[-1]: 6})


@pytest.fixture
def server(valkey: Valkey) -> Server:
    return Server(valkey.client)


def test_all_parts_are_answered(server: Server) -> None:
    server.fill()
    opened = server.openings.read(READER, (ANN, BOB, *MANY))
    assert opened.relations.held == {READER: b"whom READER follows"}
    assert opened.timeline == server.timelines.read(READER)
    assert opened.timeline is not None
    assert (opened.timeline.ids, opened.timeline.floor) == ((9, 8), 7)
    assert opened.pulled == server.pulls.pulled((ANN, BOB, *MANY))
    assert opened.pulled is not None
    assert set(opened.pulled) == {ANN, MANY[0], MANY[-1]}
    assert server.openings.read(READER, ()).pulled == {}


def test_what_is_not_there_is_leased_cold_and_not_known(server: Server) -> None:
    opened = server.openings.read(OTHER, (ANN,))
    assert opened.relations.leased == {OTHER}
    assert opened.timeline is None
    assert opened.pulled is None
    server.relations.fill(opened.relations.token, {OTHER: CachedRow(b"nobody", 60)})
    assert server.openings.read(OTHER, ()).relations.held == {OTHER: b"nobody"}


def test_it_takes_one_round_trip_and_loads_scripts_anew(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fill()
    server.client.execute_command("SCRIPT", "FLUSH")  # type: ignore[no-untyped-call]
    assert server.openings.read(READER, (ANN,)).pulled
    sent = 0
    send = Connection.send_packed_command

    def counted(connection: Connection, *args: Any, **options: Any) -> None:
        nonlocal sent
        sent += 1
        send(connection, *args, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(Connection, "send_packed_command", counted)
    assert server.openings.read(READER, (ANN, *MANY)).timeline
    assert sent == 1


def test_a_server_that_is_away_is_told(server: Server, valkey: Valkey) -> None:
    valkey.kill()
    try:
        with pytest.raises(StoreUnavailableError):
            server.openings.read(READER, (ANN,))
    finally:
        valkey.start()
