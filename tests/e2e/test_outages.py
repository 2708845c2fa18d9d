"""Each server is killed while real workers are at work: they wait, and then nothing is missing.

The servers are those of the shared stack, which its supervisor starts again; each test ends with
all of them ready.
"""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Producer

from streams.app.broker import schema_registry
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.app.workers.run_files import worker_counters
from streams.contracts.catalog import topic_of
from streams.contracts.codec import encode
from streams.contracts.events import Event, PostCreated, UserFollowed
from streams.producer import PARTITIONER, EventProducer
from streams.runtime.monitoring.counters import TopicCounters
from streams.stack.supervision.status import ProgramStatus
from tests.oracle.views import Oracle
from tests.support.line import (
    assert_feeds,
    assert_other_views,
    fields,
    own_views,
    publish,
    read_every_feed,
    small_week,
)
from tests.support.workers import (
    WorkerProcess,
    committed,
    running_workers,
    wait_for_lag_zero,
    wait_until,
)

pytestmark = pytest.mark.stack

USERS, EVENTS = 30, 1_800
VIEWS = ("graph", "posts", "stories", "engagement")
SMALL = {"batch_records": 50, "inline_followers": 1, "delivery_page": 3, "shards": 4}
"""Batches that a kill meets, and deliveries that do not end in the posts worker."""


@pytest.fixture
def week() -> list[Event]:
    return small_week(USERS, EVENTS)


@pytest.fixture(autouse=True)
def every_server_is_back(stack: Settings) -> Iterator[None]:
    """Leave the shared stack as it was found."""
    yield
    local_stack(stack).up()


def _server(settings: Settings, name: str) -> ProgramStatus:
    return next(row for row in local_stack(settings).status() if row.name == name)


def _kill(settings: Settings, name: str) -> int:
    """kill -9 of a server; its process id."""
    pid = _server(settings, name).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def _is_back(settings: Settings, name: str, killed: int) -> bool:
    server = _server(settings, name)
    return server.state == "ready" and server.pid != killed


def _counters(settings: Settings, agent: str) -> list[TopicCounters]:
    group = settings.group(agent)
    return [worker.counters for worker in worker_counters(settings.home) if worker.group == group]


def _settled(settings: Settings, agent: str) -> int:
    """Records of which the agent's worker said that it is done with them."""
    return sum(
        tally.applied + tally.duplicates + sum(tally.dead_letters.values())
        for tally in _counters(settings, agent)
    )


def _waits(running: WorkerProcess) -> int:
    """How often a worker has said that it waits for a server."""
    return running.text().count("waiting for a server")


def _wait_until_all_wait(workers: Mapping[str, WorkerProcess], more: int = 1) -> None:
    """Until each has said so `more` times from now on."""
    before = {agent: _waits(running) for agent, running in workers.items()}

    def all_wait() -> bool:
        return all(_waits(running) >= before[agent] + more for agent, running in workers.items())

    wait_until(all_wait, timeout_s=60, what="every worker waiting for the server")


def _at_work(settings: Settings, agents: Sequence[str]) -> bool:
    return all(_settled(settings, agent) for agent in agents)


def _assert_conserved(settings: Settings, agents: Sequence[str]) -> None:
    for agent in agents:
        for tally in _counters(settings, agent):
            assert tally.balanced, (agent, tally)


def test_cassandra_goes_away(stack: Settings, week: list[Event]) -> None:
    settings = own_views(stack, "v91", **SMALL)
    before = {agent: committed(settings, agent) for agent in VIEWS}
    half = len(week) // 2
    with running_workers(settings, VIEWS) as workers:
        publish(settings, week[:half])
        wait_until(lambda: _at_work(settings, VIEWS), poll_s=0.01, what="workers at work")
        killed = _kill(settings, "cassandra")
        publish(settings, week[half:])
        _wait_until_all_wait(workers)
        settled = {agent: _settled(settings, agent) for agent in VIEWS}
        _wait_until_all_wait(workers, more=2)
        assert not _is_back(settings, "cassandra", killed)
        for agent in VIEWS:
            assert _settled(settings, agent) == settled[agent]
            assert committed(settings, agent) - before[agent] <= settled[agent]
        assert sum(settled.values()) < len(week)
        wait_until(lambda: _is_back(settings, "cassandra", killed), what="Cassandra again")
        wait_for_lag_zero(settings, workers)
        _assert_conserved(settings, VIEWS)
        with open_read_side(settings) as side:
            oracle = Oracle(map(fields, week))
            assert_feeds(side, oracle, USERS)
            assert_other_views(side, oracle, week, USERS)


def test_redis_goes_away(stack: Settings, week: list[Event]) -> None:
    """Redis keeps nothing over a restart; warm timelines must not be taken for complete."""
    settings = own_views(stack, "v92", **SMALL)
    agents = ("graph", "posts", "delivery")
    third = len(week) // 3
    with running_workers(settings, agents) as workers, open_read_side(settings) as side:
        publish(settings, week[:third])
        wait_for_lag_zero(settings, workers)
        read_every_feed(side, USERS)
        publish(settings, week[third : 2 * third])
        read_every_feed(side, USERS)
        _keep_away_until_noticed(settings, workers["posts"], week[2 * third :])
        read_every_feed(side, USERS)
        publish(settings, week[:third])  # all of it duplicates
        wait_for_lag_zero(settings, workers)
        _assert_conserved(settings, agents)
        assert_feeds(side, Oracle(map(fields, week)), USERS)


def _keep_away_until_noticed(
    settings: Settings, posts: WorkerProcess, events: Sequence[Event]
) -> None:
    """Redis is back within a second, so it is killed again until a worker has met its absence."""
    killed = _kill(settings, "redis")
    publish(settings, events)

    def noticed() -> bool:
        nonlocal killed
        if _waits(posts):
            return True
        if _is_back(settings, "redis", killed):
            killed = _kill(settings, "redis")
            publish(settings, events)
        return False

    wait_until(noticed, poll_s=0.01, what="the posts worker waiting for Redis")
    wait_until(lambda: _is_back(settings, "redis", killed), what="Redis again")


def test_the_registry_goes_away(stack: Settings, week: list[Event]) -> None:
    """Workers that know some schemas meet others while nobody can tell them."""
    settings = own_views(stack, "v93", **SMALL)
    agents = ("graph", "posts")
    known = [event for event in week if isinstance(event, PostCreated | UserFollowed)]
    topics = {"social.posts.v1", "social.follows.v1"}
    unknown = [
        event
        for event in week
        if topic_of(type(event).__name__).name in topics and event not in known
    ]
    raw = [_encoded(settings, event) for event in unknown]
    with running_workers(settings, agents) as workers:
        publish(settings, known)
        wait_until(lambda: _at_work(settings, agents), poll_s=0.01, what="workers at work")
        killed = _kill(settings, "registry")
        _append_all(settings, raw)
        _wait_until_all_wait(workers)
        wait_until(lambda: _is_back(settings, "registry", killed), what="the registry again")
        wait_for_lag_zero(settings, workers)
        _assert_conserved(settings, agents)
        for agent in agents:
            assert not any(tally.dead_letters for tally in _counters(settings, agent))
        with open_read_side(settings) as side:
            assert_feeds(side, Oracle(map(fields, [*known, *unknown])), USERS)


def test_workers_that_start_while_the_registry_hangs_wait_for_it(
    stack: Settings, week: list[Event]
) -> None:
    settings = own_views(stack, "v96", **SMALL)
    posts = [event for event in week if isinstance(event, PostCreated)]
    _append_all(settings, [_encoded(settings, event) for event in posts])
    registry = _server(settings, "registry").pid
    assert registry is not None
    os.kill(registry, signal.SIGSTOP)
    try:
        with running_workers(settings, ["posts"]) as workers:
            _wait_until_all_wait(workers)
            assert _settled(settings, "posts") == 0
            os.kill(registry, signal.SIGCONT)
            wait_for_lag_zero(settings, workers)
            _assert_conserved(settings, ["posts"])
            (tally,) = _counters(settings, "posts")
            assert (tally.consumed, tally.dead_letters) == (len(posts), {})
    finally:
        os.kill(registry, signal.SIGCONT)


def _encoded(settings: Settings, event: Event) -> tuple[str, bytes, bytes]:
    """Topic, key and value of an event's record."""
    name = type(event).__name__
    spec = topic_of(name)
    schema_id = schema_registry(settings).schema_id(spec.name, name)
    return spec.name, b"%d" % getattr(event, spec.key), encode(event, schema_id)


def _append_all(settings: Settings, records: Sequence[tuple[str, bytes, bytes]]) -> None:
    """By a bare producer, which asks no registry."""
    producer = Producer({"bootstrap.servers": settings.bootstrap, "partitioner": PARTITIONER})
    for topic, key, value in records:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(30) == 0


def test_the_broker_goes_away(stack: Settings, week: list[Event]) -> None:
    """While events flow in, are read and committed, and delivery tasks are handed on."""
    settings = own_views(stack, "v94", **SMALL)
    agents = ("graph", "posts", "engagement", "delivery")
    before = {agent: committed(settings, agent) for agent in agents}
    third = len(week) // 3
    with running_workers(settings, agents) as workers, open_read_side(settings) as side:
        publish(settings, week[:third])
        wait_for_lag_zero(settings, workers)
        read_every_feed(side, USERS)
        told = _settled(settings, "posts")
        with ThreadPoolExecutor(1) as producer:
            published = producer.submit(_trickle, settings, week[third:])
            wait_until(lambda: _settled(settings, "posts") > told, poll_s=0.01, what="more posts")
            killed = _kill(settings, "kafka")
            assert not published.done()
            wait_until(lambda: _is_back(settings, "kafka", killed), what="Kafka again")
            published.result(60)
        wait_for_lag_zero(settings, workers)
        for agent in agents:
            assert committed(settings, agent) - before[agent] <= _settled(settings, agent)
        _assert_conserved(settings, agents)
        assert_feeds(side, Oracle(map(fields, week)), USERS)


def _trickle(settings: Settings, events: Sequence[Event]) -> None:
    """Publish, waiting for the acknowledgement of every ten events."""
    with EventProducer(settings.bootstrap, settings.registry_url, node=1) as log:
        for start in range(0, len(events), 10):
            for event in events[start : start + 10]:
                log.publish(event)
            log.flush()
