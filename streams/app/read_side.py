"""What reading commands need, put together from the settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from streams.app.settings import Settings
from streams.projections.ports import TimelineCache, ViewReader
from streams.sinks.cassandra.migrating import require_migrated
from streams.sinks.cassandra.reader import CassandraReader
from streams.sinks.cassandra.session import connect as connect_cassandra
from streams.sinks.redis.client import connect as connect_redis
from streams.sinks.redis.timelines import RedisTimelines
from streams.sinks.timelines import TimelineLimits


class ReadSide(NamedTuple):
    """The stores of one version of the views, ready to be asked."""

    views: ViewReader
    timelines: TimelineCache
    timeline_length: int


@contextmanager
def open_read_side(settings: Settings) -> Iterator[ReadSide]:
    """Connect, and disconnect at the end.

    Raises StoreUnavailableError where Cassandra does not answer, UserError where its keyspace is
    not up to date. Redis is connected on first use: reads do without it.
    """
    with connect_cassandra(settings.host, settings.ports.cassandra) as session:
        require_migrated(session, settings.keyspace)
        with connect_redis(settings.host, settings.ports.redis) as client:
            timelines = RedisTimelines(
                client,
                version=settings.views_version,
                shards=settings.shards,
                limits=TimelineLimits(length=settings.timeline_length),
            )
            yield ReadSide(CassandraReader(session), timelines, settings.timeline_length)
