"""Readers' last reads in Redis: a sorted set in each shard."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Final

from cachetools import TTLCache
from redis import Redis

from streams.sinks.redis.client import store_errors
from streams.sinks.redis.keys import Keys, pack
from streams.views.reader_activity import ABSENT_S
from streams.views.timeline_limits import shard_of

RECORDED_S: Final = 60.0
"""Seconds after a recorded read in which further reads of the reader are not recorded."""
_READERS: Final = 100_000


class RedisReaderActivity:
    """A ReaderActivity in Redis, by reader and shard; safe between threads."""

    def __init__(
        self,
        client: Redis,
        *,
        version: str,
        shards: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._shards = shards
        self._keys = Keys(version, shards)
        self._clock = clock
        self._lock = threading.Lock()
        self._recorded: TTLCache[int, None] = TTLCache(_READERS, RECORDED_S, timer=clock)

    def record_read(self, reader: int) -> None:
        """Take at most one round trip a minute for each reader."""
        with self._lock:
            if reader in self._recorded:
                return
            self._recorded[reader] = None
        now, key = int(self._clock()), self._keys.visits(shard_of(reader, self._shards))
        with store_errors(), self._client.pipeline(transaction=False) as pipe:
            pipe.zadd(key, {pack((reader,)): now}, gt=True)
            pipe.zremrangebyscore(key, "-inf", now - ABSENT_S)
            pipe.execute()

    def last_read_at(self, readers: Collection[int]) -> Mapping[int, int]:
        """Take one round trip."""
        shards: defaultdict[int, list[int]] = defaultdict(list)
        for reader in readers:
            shards[shard_of(reader, self._shards)].append(reader)
        with store_errors(), self._client.pipeline(transaction=False) as pipe:
            for shard, ids in shards.items():
                members = [pack((reader,)) for reader in ids]
                pipe.zmscore(self._keys.visits(shard), members)  # type: ignore[arg-type]
            answers = pipe.execute()
        since = self._clock() - ABSENT_S
        return {
            reader: int(at)
            for ids, found in zip(shards.values(), answers, strict=True)
            for reader, at in zip(ids, found, strict=True)
            if at is not None and at > since
        }
