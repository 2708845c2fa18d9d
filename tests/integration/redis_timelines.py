"""Timelines in a real server, for the suites and for what befalls them."""

import redis

from streams.sinks.redis.keys import Keys
from streams.sinks.redis.timeline_cache import RedisTimelineCache
from streams.views.timeline_limits import TimelineLimits
from tests.contract.timeline_suite import SMALL, TimelineServer
from tests.integration.valkey import begin_new_history

SHARDS = 4
KEYS = Keys("v1", SHARDS)


class RealServer(TimelineServer):
    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._shards = SHARDS

    def cache(self, *, shards: int = SHARDS, limits: TimelineLimits = SMALL) -> RedisTimelineCache:
        self._client.flushall()
        self._shards = shards
        return RedisTimelineCache(self._client, version="v1", shards=shards, limits=limits)

    def flush(self) -> None:
        self._client.flushall()

    def evict(self, reader: int) -> None:
        self._client.delete(Keys("v1", self._shards).timeline(reader))

    def new_history(self) -> None:
        begin_new_history(self._client)


def timelines(client: redis.Redis, limits: TimelineLimits = SMALL) -> RedisTimelineCache:
    return RedisTimelineCache(client, version="v1", shards=SHARDS, limits=limits)
