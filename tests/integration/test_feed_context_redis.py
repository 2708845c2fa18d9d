"""The feed context has the answers of its three caches, in one round trip."""

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
        self.reader = RedisFeedContextReader(client, self.relations, self.timelines, self.pulls)

    def fill(self) -> None:
        lease = self.relations.get((READER,))
        self.relations.fill(lease.token, {READER: CachedRow(b"whom READER follows", 60)})
        token = self.timelines.begin_load(READER, (ANN, BOB))
        assert token is not None
        assert self.timelines.complete_load(READER, token, (9, 8), 7, b"s" * 16)
        loading = self.pulls.begin_load()
        assert loading is not None
        assert self.pulls.complete_load(loading, {ANN: 9, MANY[0]: 5, MANY[-1]: 6})


@pytest.fixture
def server(valkey: Valkey) -> Server:
    return Server(valkey.client)


def test_reply_has_the_answers_of_all_caches(server: Server) -> None:
    server.fill()
    reply = server.reader.read(READER, (ANN, BOB, *MANY))
    assert reply.relations.held == {READER: b"whom READER follows"}
    assert reply.timeline == server.timelines.read(READER)
    assert reply.timeline is not None
    assert (reply.timeline.ids, reply.timeline.floor) == ((9, 8), 7)
    assert reply.pulled == server.pulls.pulled((ANN, BOB, *MANY))
    assert reply.pulled is not None
    assert set(reply.pulled) == {ANN, MANY[0], MANY[-1]}
    assert server.reader.read(READER, ()).pulled == {}


def test_missing_parts_are_leased_cold_and_unknown(server: Server) -> None:
    reply = server.reader.read(OTHER, (ANN,))
    assert reply.relations.leased == {OTHER}
    assert reply.timeline is None
    assert reply.pulled is None
    server.relations.fill(reply.relations.token, {OTHER: CachedRow(b"nobody", 60)})
    assert server.reader.read(OTHER, ()).relations.held == {OTHER: b"nobody"}


def test_read_takes_one_round_trip_and_loads_lost_scripts_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fill()
    server.client.execute_command("SCRIPT", "FLUSH")  # type: ignore[no-untyped-call]
    assert server.reader.read(READER, (ANN,)).pulled
    sent = 0
    send = Connection.send_packed_command

    def counted(connection: Connection, *args: Any, **options: Any) -> None:
        nonlocal sent
        sent += 1
        send(connection, *args, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(Connection, "send_packed_command", counted)
    assert server.reader.read(READER, (ANN, *MANY)).timeline
    assert sent == 1


def test_unavailable_server_raises(server: Server, valkey: Valkey) -> None:
    valkey.kill()
    try:
        with pytest.raises(StoreUnavailableError):
            server.reader.read(READER, (ANN,))
    finally:
        valkey.start()
