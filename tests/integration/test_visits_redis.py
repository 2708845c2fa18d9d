"""Readers' visits on a real server."""

import pytest

from streams.sinks.redis.reader_activity import NOTED_S, RedisReaderActivity
from streams.views.reader_activity import ABSENT_S
from tests.integration.valkey import Valkey

pytestmark = pytest.mark.stack

START = 1_700_000_000.0


class World:
    def __init__(self, server: Valkey) -> None:
        self.server, self.now = server, START
        self.visits = self.process()

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


def test_the_last_visit_is_told_to_the_minute(world: World) -> None:
    assert world.visits.last([]) == {}
    world.visits.note(11)
    world.now += NOTED_S + 1
    world.visits.note((1 << 63) - 1)
    world.visits.note(11)
    last = world.visits.last([10, 11, 12, (1 << 63) - 1])
    assert last == {11: START + NOTED_S + 1, (1 << 63) - 1: START + NOTED_S + 1}


def test_a_visit_soon_after_another_is_not_written(world: World) -> None:
    for _ in range(10):
        world.visits.note(11)
        world.now += 1
    assert world.calls() == 1
    assert world.visits.last([11]) == {11: START}


def test_a_process_that_is_behind_takes_nothing_back(world: World) -> None:
    world.now += 1000
    world.visits.note(11)
    world.now -= 1000
    world.process().note(11)
    assert world.visits.last([11]) == {11: START + 1000}


def test_who_has_not_read_for_long_is_forgotten(world: World) -> None:
    world.visits.note(11)
    world.now += ABSENT_S
    assert world.visits.last([11]) == {}
    for reader in range(100, 150):  # one of them in the same shard
        world.visits.note(reader)
    keys = list(world.server.client.scan_iter(b"*visits"))
    assert sum(world.server.client.zcard(key) for key in keys) == 50
