"""What other processes do between any two round trips of one that builds or delivers."""

import random
from collections.abc import Callable, Iterator

import pytest
import redis

from streams.sinks.redis.timeline_cache import RedisTimelineCache
from tests.contract.timeline_suite import (
    ALL,
    ANN,
    DIGEST,
    EVE,
    READER,
    current_timeline,
)
from tests.integration.redis_timelines import KEYS, RealServer, timelines
from tests.integration.valkey import Valkey

pytestmark = pytest.mark.stack


class InterruptedConnection(redis.Connection):
    """Runs `interrupt(n)` before the n-th thing it sends once it is armed."""

    interrupt: Callable[[int], None] | None = None
    sent = 0

    def send_packed_command(self, command: object, check_health: bool = True) -> None:
        cls = InterruptedConnection
        if cls.interrupt is not None:
            cls.sent += 1
            cls.interrupt(cls.sent)
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


@pytest.fixture
def interrupted(valkey: Valkey) -> Iterator[redis.Redis]:
    pool = redis.ConnectionPool(
        connection_class=InterruptedConnection, host="127.0.0.1", port=valkey.port
    )
    client = redis.Redis(connection_pool=pool)
    client.ping()
    yield client
    InterruptedConnection.interrupt = None
    client.close()
    pool.disconnect()


def scenario(cache: RedisTimelineCache, durable: set[int]) -> None:
    """Build with many authors, a page a script; then two posts are written and delivered."""
    token = cache.begin_load(READER, [ANN, *range(200, 212)])
    if token is not None:
        cache.complete_load(READER, token, sorted(durable), 0, DIGEST)
    for posts in ({10, 30}, {20}):
        durable |= posts
        cache.deliver({ANN: sorted(posts)}, ALL)


INTERRUPTIONS = ("flush", "evict", "history", "delivery", "rival", "forget")


@pytest.mark.parametrize("kind", INTERRUPTIONS)
def test_any_interruption_between_any_two_steps(
    valkey: Valkey, interrupted: redis.Redis, kind: str
) -> None:
    steps, seed = 60, random.Random(kind)
    cold = 0
    for at in range(1, steps):
        valkey.client.flushall()
        durable: set[int] = {5}
        other = timelines(valkey.client)

        def befall(number: int, at: int = at, durable: set[int] = durable) -> None:
            if number == at:
                _interruption(kind, valkey.client, other, durable, seed)  # noqa: B023

        InterruptedConnection.sent, InterruptedConnection.interrupt = 0, befall
        scenario(timelines(interrupted), durable)
        InterruptedConnection.interrupt = None
        if InterruptedConnection.sent < at:
            break
        timeline = current_timeline(other)
        assert timeline is None or set(timeline.ids) == durable, f"{kind} before step {at}"
        cold += timeline is None
    assert 5 < at < steps - 1, "every step must be reached, and not more"
    assert (cold > 0) is (kind in {"flush", "evict", "history", "rival"})


def test_a_load_that_loses_its_marker_ends(valkey: Valkey, interrupted: redis.Redis) -> None:
    def evict(number: int) -> None:
        if number == 2:
            valkey.client.delete(KEYS.timeline(READER))

    cache = timelines(interrupted)
    cache.begin_load(EVE, [ANN])
    InterruptedConnection.sent, InterruptedConnection.interrupt = 0, evict
    assert cache.begin_load(READER, range(200, 212)) is None


def _interruption(
    kind: str,
    client: redis.Redis,
    other: RedisTimelineCache,
    durable: set[int],
    seed: random.Random,
) -> None:
    if kind == "flush":
        client.flushall()
    elif kind == "evict":
        client.delete(KEYS.timeline(READER))
    elif kind == "history":
        RealServer(client).new_history()
    elif kind == "delivery":
        post = seed.randrange(40, 99)
        durable.add(post)
        other.deliver({ANN: [post]}, ALL)
    elif kind == "rival":
        other.begin_load(READER, [ANN])
    else:
        client.script_flush()
