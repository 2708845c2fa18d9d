"""Feed context, with which a page of a home feed begins, from Redis in one round trip."""

from collections.abc import Collection

from redis import Redis

from streams.sinks.redis.client import store_errors
from streams.sinks.redis.pull_set import RedisPullSet
from streams.sinks.redis.row_cache import RedisRowCache
from streams.sinks.redis.scripts import run_calls
from streams.sinks.redis.timeline_cache import RedisTimelineCache
from streams.views.feed_context import FeedContextReply


class RedisFeedContextReader:
    """A FeedContextReader whose parts are stored on the server of `client`."""

    def __init__(
        self,
        client: Redis,
        relations: RedisRowCache,
        timelines: RedisTimelineCache,
        pulls: RedisPullSet,
    ) -> None:
        self._client = client
        self._relations = relations
        self._timelines = timelines
        self._pulls = pulls

    def read(self, reader: int, authors: Collection[int]) -> FeedContextReply:
        relations = self._relations.get_call((reader,))
        timeline = self._timelines.read_call(reader)
        pulled = self._pulls.pulled_call(authors)
        with store_errors():
            answers = iter(
                run_calls(self._client, (*relations.calls, *timeline.calls, *pulled.calls))
            )
        return FeedContextReply(
            relations.decode_next(answers),
            timeline.decode_next(answers),
            pulled.decode_next(answers),
        )
