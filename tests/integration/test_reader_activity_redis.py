"""Reader activity on a real server."""

import pytest

from streams.sinks.redis.reader_activity import RECORDED_S, RedisReaderActivity
from streams.views.reader_activity import ABSENT_S
from tests.integration.valkey import Valkey

pytestmark = pytest.mark.stack

START = 1_700_000_000.0


class World:
    def __init__(self, server: Valkey) -> None:
        self.server, self.now = server, START
        self.activity = self.process()

    def process(self) -> RedisReaderActivity:
        return RedisReaderActivity(
            self.server.client, version="v1", shards=4, clock=lambda: self.now
        )

    def calls(self) -> int:
        found = self.server.client.info("commandstats").get("cmdstat_zadd", {"calls": 0})
        return int(found["calls"])


@pytest.fixture
def world(valkey: Valkey) -> World:
    valkey.client.config_resetstat()
    return World(valkey)


def test_last_read_is_known_to_the_minute(world: World) -> None:
    assert world.activity.last_read_at([]) == {}
    world.activity.record_read(11)
    world.now += RECORDED_S + 1
    world.activity.record_read((1 << 63) - 1)
    world.activity.record_read(11)
    last = world.activity.last_read_at([10, 11, 12, (1 << 63) - 1])
    assert last == {11: START + RECORDED_S + 1, (1 << 63) - 1: START + RECORDED_S + 1}


def test_read_within_a_minute_of_another_is_not_written(world: World) -> None:
    for _ in range(10):
        world.activity.record_read(11)
        world.now += 1
    assert world.calls() == 1
    assert world.activity.last_read_at([11]) == {11: START}


def test_clock_behind_does_not_move_a_last_read_back(world: World) -> None:
    world.now += 1000
    world.activity.record_read(11)
    world.now -= 1000
    world.process().record_read(11)
    assert world.activity.last_read_at([11]) == {11: START + 1000}


def test_reader_who_has_not_read_for_long_is_forgotten(world: World) -> None:
    world.activity.record_read(11)
    world.now += ABSENT_S
    assert world.activity.last_read_at([11]) == {}
    for reader in range(100, 150):  # one of them in the same shard
        world.activity.record_read(reader)
    keys = list(world.server.client.scan_iter(b"*visits"))
    assert sum(world.server.client.zcard(key) for key in keys) == 50
