"""Posts from the log to followers' timelines: the workers `posts` and `delivery`, and Redis.

As `fanout`, but the posts lie in Kafka and the workers are processes of their own, idle when the
posts come, all of them at once. What is counted is all that they do until nothing is left, from
fetching to the last push, with decoding, durable rows, tasks of large authors and commits; and what
Redis does. The broker and Cassandra are apart.

Of the mean of 50, it does a sixteenth and a quarter of the work as well: a delivery must not cost
more where there are more.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

import psutil
from redis import Redis

from bench.events import KINDS, Message, publish, schema_id
from bench.fanout import Size, server_cpu_s
from bench.report import Report
from bench.warm import Graph, skewed, warm
from streams.app.migrate import migrate_views
from streams.app.settings import Settings
from streams.contracts.catalog import key_of
from streams.contracts.codec import encode
from streams.contracts.events import PostCreated
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.sinks.redis.client import connect
from streams.sinks.redis.timeline_cache import RedisTimelineCache
from tests.support.workers import WorkerProcess, running_workers, wait_for_lag_zero

SERVERS: Final = ("kafka", "registry", "cassandra", "redis")
_WORKERS: Final = ("posts", "delivery")
_AIM: Final = 500
_GROWING: Final = 50
_FIRST: Final = 100
"""Posts by which workers connect, load their scripts and so on, before anything is counted."""
_CHECKED: Final = 20
_WAIT_S: Final = 600
_UNIT: Final = "deliveries/CPU s"


_SIZES: Final = {
    "tiny": Size(600, {50: 10}, 1_000, 1),
    "small": Size(5_000, {7: 5_000, 50: 2_000, 500: 200}, 200_000, 3),
    "full": Size(20_000, {7: 20_000, 50: 5_000, 500: 1_500}, 500_000, 3),
}


class _Spent(NamedTuple):
    """CPU seconds of each worker and of Redis, for so many deliveries."""

    deliveries: int
    workers: Mapping[str, float]
    redis: float

    @property
    def rate(self) -> float:
        return self.deliveries / (sum(self.workers.values()) + self.redis)


def run(report: Report, size: str, settings: Settings) -> None:
    client = connect(settings.redis_host, settings.ports.redis)
    client.config_set("maxmemory", 0)
    migrate_views(settings, lambda _: None)
    with running_workers(settings, _WORKERS) as workers:
        for mean, authors in _SIZES[size].authors.items():
            client.flushall()
            draw = random.Random(mean)
            graph = skewed(draw, _SIZES[size].users, authors, mean)
            line = _Line(settings, client, workers, draw, graph)
            line.deliver(_FIRST)
            posts = max(1, _SIZES[size].deliveries // mean)
            _measure(report, line, mean, posts, _SIZES[size].runs)
    if _AIM in _SIZES[size].authors:
        report.goal(f"{_AIM} followers: workers, Redis", at_least=300_000)


def _measure(report: Report, line: "_Line", mean: int, posts: int, runs: int) -> None:
    found = [line.deliver(posts) for _ in range(runs)]
    name = f"{mean} followers: workers, Redis"
    report.figure(name, _UNIT, *(one.rate for one in found))
    for worker in _WORKERS:
        shares = [one.workers[worker] * one.rate / one.deliveries for one in found]
        report.figure(f"{mean} followers: share of {worker}", "%", 100 * median(shares))
    if mean == _GROWING:
        for part in (16, 4):
            rates = [line.deliver(max(1, posts // part)).rate for _ in range(runs)]
            report.figure(f"{name}, 1/{part} of the work", _UNIT, *rates)
        report.ratio(name, f"{name}, 1/16 of the work", at_least=0.9)


class _Line:
    """Running workers, and warm readers to deliver to."""

    def __init__(
        self,
        settings: Settings,
        client: Redis,
        workers: Mapping[str, WorkerProcess],
        draw: random.Random,
        graph: Graph,
    ) -> None:
        self._settings = settings
        self._client = client
        self._workers = workers
        self._draw = draw
        self._graph = graph
        self._timelines: RedisTimelineCache = warm(draw, client, graph)
        self._mint = SnowflakeGenerator(node=91)
        self._schema_id = schema_id(settings, KINDS["posts"])

    def deliver(self, posts: int) -> _Spent:
        """Publish posts by authors drawn evenly, and wait until nothing is left to deliver."""
        authors = self._draw.choices(tuple(self._graph), k=posts)
        made = [self._post(author) for author in authors]
        workers, redis = self._workers_cpu_s(), server_cpu_s(self._client)
        publish(self._settings, KINDS["posts"].topic, self._messages(made))
        wait_for_lag_zero(self._settings, self._workers, timeout_s=_WAIT_S)
        redis = server_cpu_s(self._client) - redis
        spent = {name: cpu - workers[name] for name, cpu in self._workers_cpu_s().items()}
        self._check(made[-_CHECKED:])
        return _Spent(sum(len(self._graph[author]) for author in authors), spent, redis)

    def _post(self, author: int) -> PostCreated:
        event_id, post_id = self._mint.next_id(), self._mint.next_id()
        return PostCreated(
            event_id=event_id,
            occurred_at=id_time(post_id),
            author_id=author,
            post_id=post_id,
            text="so many words about so little " * 3,
            hashtags=("bench", "fanout"),
        )

    def _messages(self, posts: Sequence[PostCreated]) -> Iterator[Message]:
        for post in posts:
            key = key_of("PostCreated", {"author_id": post.author_id})
            yield Message(key, encode(post, self._schema_id))

    def _workers_cpu_s(self) -> Mapping[str, float]:
        times = {
            name: psutil.Process(running.process.pid).cpu_times()
            for name, running in self._workers.items()
        }
        return {name: spent.user + spent.system for name, spent in times.items()}

    def _check(self, posts: Sequence[PostCreated]) -> None:
        """What was measured does deliver, also to the last of an author's followers."""
        for post in posts:
            for reader in (self._graph[post.author_id][0], self._graph[post.author_id][-1]):
                timeline = self._timelines.read(reader)
                assert timeline is not None
                assert post.post_id in timeline.ids
