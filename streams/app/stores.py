"""Clients and stores of the composition root, built from the settings."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from confluent_kafka import KafkaException
from redis import Redis

from streams.app.settings import Settings
from streams.caching.formats import COUNTS, POSTS, RELATIONS, SEEN, STORIES
from streams.caching.metrics import CacheMetrics
from streams.caching.read_through import ReadThroughRows
from streams.errors import StoreUnavailableError, UserError
from streams.kafka.consumer_groups import Progress
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.context_loader import FeedContextLoader
from streams.serving.feed.feed_caches import FeedCaches
from streams.sinks.cassandra.migrate import require_migrated
from streams.sinks.cassandra.session import connect as connect_cassandra
from streams.sinks.cassandra.store import CassandraStore
from streams.sinks.redis.client import connect as connect_redis
from streams.sinks.redis.feed_context import RedisFeedContextReader
from streams.sinks.redis.pull_set import RedisPullSet
from streams.sinks.redis.reader_activity import RedisReaderActivity
from streams.sinks.redis.row_cache import RedisRowCache
from streams.sinks.redis.stats import CacheStats, cache_stats
from streams.sinks.redis.timeline_cache import RedisTimelineCache
from streams.views.row_cache import RowCaches
from streams.views.store import Views
from streams.views.timeline_limits import TimelineLimits

START = "start the local servers with: storyline up"


@contextmanager
def durable_views(settings: Settings) -> Iterator[CassandraStore]:
    """Open the views in Cassandra for reads and writes.

    Raises:
        UserError: the server does not answer, or the keyspace is missing or not up to date.
    """
    host, port = settings.cassandra_host, settings.ports.cassandra
    try:
        session = connect_cassandra(host, port)
    except StoreUnavailableError as error:
        raise UserError(f"Cassandra does not answer at {host}:{port}", hint=START) from error
    with session:
        require_migrated(session, settings.keyspace)
        yield CassandraStore(session)


def redis_client(settings: Settings) -> Redis:
    """Return the client that the whole process shares; it connects on first use."""
    return _redis_client(settings.redis_host, settings.ports.redis)


_redis_client = cache(connect_redis)


def timeline_cache(settings: Settings) -> RedisTimelineCache:
    """Return the timeline cache in Redis, which connects on first use."""
    return RedisTimelineCache(
        redis_client(settings),
        version=settings.views_version,
        shards=settings.shards,
        limits=TimelineLimits(length=settings.timeline_length),
    )


def pull_set(settings: Settings) -> RedisPullSet:
    """Return the set of authors whose posts readers pull, in Redis; it connects on first use."""
    client = redis_client(settings)
    return RedisPullSet(client, version=settings.views_version)


def row_caches(settings: Settings) -> RowCaches:
    """Return the caches of durable rows in Redis, which connect on first use."""
    client = redis_client(settings)
    return RowCaches(
        _row_cache(settings, client, POSTS),
        _row_cache(settings, client, RELATIONS),
        {kind: _row_cache(settings, client, letter) for kind, letter in COUNTS.items()},
        _row_cache(settings, client, STORIES),
        _row_cache(settings, client, SEEN),
    )


def _row_cache(settings: Settings, client: Redis, letter: str) -> RedisRowCache:
    return RedisRowCache(
        client, version=settings.views_version, parts=settings.copy_parts, letter=letter
    )


def redis_stats(settings: Settings, sample: int) -> CacheStats:
    """Return statistics of the keys in Redis.

    Args:
        settings: Settings that name the server.
        sample: Number of keys to draw at random if the server has more.

    Raises:
        StoreUnavailableError: Redis does not answer.
    """
    return cache_stats(redis_client(settings), sample)


def feed_caches(
    settings: Settings, views: Views, rows: ReadThroughRows, metrics: CacheMetrics
) -> FeedCaches:
    """Return the caches that make reads of home feeds fast; they connect to Redis on first use.

    Args:
        settings: Settings that name the server.
        views: Durable views.
        rows: Rows of `views`, read through the row caches.
        metrics: Counts hits and misses.
    """
    client = redis_client(settings)
    timelines, pulls = timeline_cache(settings), pull_set(settings)
    relations = _row_cache(settings, client, RELATIONS)
    return FeedCaches(
        timelines,
        CelebrityCache(views, pulls, metrics),
        RedisReaderActivity(client, version=settings.views_version, shards=settings.shards),
        settings.timeline_length,
        metrics,
        context_loader=FeedContextLoader(
            rows, RedisFeedContextReader(client, relations, timelines, pulls)
        ),
    )


def progress(settings: Settings) -> Progress:
    """Return a client that reads the progress of consumer groups from the broker."""
    return Progress(settings.bootstrap)


@contextmanager
def answering_broker(settings: Settings) -> Iterator[Progress]:
    """Yield the client of `progress`; raise UserError if the broker does not answer to it."""
    try:
        yield progress(settings)
    except KafkaException as error:
        raise no_answer(settings, error) from error


def no_topic(missing: Sequence[str]) -> UserError:
    """Return the error for topics that are missing on the broker."""
    return UserError(
        f"Kafka has no topic {', '.join(missing)}", hint="create it with: storyline topics apply"
    )


def no_answer(settings: Settings, error: KafkaException) -> UserError:
    """Return the error for a broker that does not answer."""
    return UserError(
        f"Kafka does not answer at {settings.bootstrap}: {error.args[0].str()}", hint=START
    )
