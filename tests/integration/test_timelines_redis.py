"""The timelines of a real server: the common suite, and what only a server can do to them."""

import random

import pytest
import redis
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from streams.errors import StoreRefusedError, StoreUnavailableError
from streams.sinks.redis.keys import pack
from streams.views.timeline_limits import TimelineLimits, shard_of
from tests.contract.delivery_suite import DeliverySuite
from tests.contract.refit_suite import RefitSuite
from tests.contract.timeline_machine import TimelineMachine
from tests.contract.timeline_suite import (
    ALL,
    ANN,
    BOB,
    DIGEST,
    EVE,
    READER,
    SMALL,
    TimelineServer,
    TimelineSuite,
    build,
    current_timeline,
    warm_ids,
)
from tests.integration.delivery_lists import followers
from tests.integration.redis_timelines import KEYS, SHARDS, RealServer, timelines
from tests.integration.valkey import Valkey

pytestmark = pytest.mark.stack


class TestRedisTimelines(TimelineSuite, DeliverySuite, RefitSuite):
    @pytest.fixture
    def server(self, valkey: Valkey) -> TimelineServer:
        return RealServer(valkey.client)


def test_every_history_leaves_warm_timelines_right(valkey: Valkey) -> None:
    class Machine(TimelineMachine):
        def make_server(self) -> TimelineServer:
            return RealServer(valkey.client)

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=40, stateful_step_count=40, deadline=None)
    )


# Layout and lifetime.


def test_only_a_load_creates_keys(valkey: Valkey) -> None:
    cache = timelines(valkey.client)
    cache.deliver({ANN: [10]}, ALL)
    current_timeline(cache)
    assert not cache.complete_load(READER, b"t" * 16, [10], 0, DIGEST)
    assert valkey.client.dbsize() == 0


def test_the_keys_of_a_reader_share_a_hash_tag(valkey: Valkey) -> None:
    build(timelines(valkey.client), READER, [ANN, BOB])
    tag = f"{{v1.{shard_of(READER, SHARDS)}}}:".encode()
    expected = {
        tag + b"t:" + pack((READER,)),
        tag + b"s:" + pack((READER,)),
        tag + b"f:" + pack((ANN,)),
        tag + b"f:" + pack((BOB,)),
    }
    assert set(valkey.client.keys()) == expected


def test_timelines_expire_and_delivery_lists_do_not(valkey: Valkey) -> None:
    client, cache = valkey.client, timelines(valkey.client)
    key = KEYS.timeline(READER)
    token = cache.begin_load(READER, [ANN])
    assert token is not None
    assert 0 < client.ttl(key) <= SMALL.loading_s
    cache.deliver({ANN: [50]}, ALL)
    assert 0 < client.ttl(key) <= SMALL.loading_s
    assert cache.complete_load(READER, token, [40], 0, DIGEST)
    for posts in ([60], [45], range(1, 30)):  # append, insert, trim
        cache.deliver({ANN: posts}, ALL)
        assert SMALL.loading_s < client.ttl(key) <= SMALL.complete_s
    assert client.ttl(KEYS.lists_near(READER) + pack((ANN,))) == -1


def test_a_timeline_takes_eight_bytes_an_id(valkey: Valkey) -> None:
    limits = TimelineLimits()
    cache = timelines(valkey.client, limits)
    build(cache, READER, [ANN], range(1, 801))
    assert valkey.client.strlen(KEYS.timeline(READER)) == 78 + 8 * 801


def test_processes_may_disagree_about_the_length(valkey: Valkey) -> None:
    long, short = timelines(valkey.client, TimelineLimits()), timelines(valkey.client)
    token = long.begin_load(READER, [ANN])
    assert token is not None
    short.deliver({ANN: range(10, 20)}, ALL)
    assert long.complete_load(READER, token, [1, 2, 17], 0, DIGEST)
    assert current_timeline(long) == ((19, 18, 17, 16, 15), 14)


def test_a_batch_takes_one_call_a_shard(valkey: Valkey) -> None:
    cache = timelines(valkey.client, TimelineLimits(pushes=1000))
    for reader in range(100, 150):
        build(cache, reader, range(1, 51))
    valkey.client.config_resetstat()
    cache.deliver({author: [author, author + 100] for author in range(1, 101)}, 2)
    assert valkey.client.info("commandstats")["cmdstat_evalsha"]["calls"] == SHARDS


def appends(client: redis.Redis) -> int:
    calls: int = client.info("commandstats")["cmdstat_append"]["calls"]
    return calls


def test_what_many_authors_post_is_pushed_to_a_reader_at_once(valkey: Valkey) -> None:
    cache = timelines(valkey.client, TimelineLimits())
    for reader in (READER, EVE):
        build(cache, reader, range(1, 51))
    valkey.client.config_resetstat()
    cache.deliver({author: [author, author + 100] for author in range(1, 51)}, ALL)
    assert appends(valkey.client) == 2
    for reader in (READER, EVE):
        assert warm_ids(cache, reader) == (*range(150, 100, -1), *range(50, 0, -1))


def test_a_push_is_bounded_however_many_post(valkey: Valkey) -> None:
    cache = timelines(valkey.client, TimelineLimits(pushes=10_000))
    build(cache, READER, [ANN, BOB, EVE])
    valkey.client.config_resetstat()
    posts = {author: range(200 * author, 200 * author + 200) for author in (ANN, BOB, EVE)}
    cache.deliver(posts, ALL)
    assert appends(valkey.client) == 3
    assert warm_ids(cache) == tuple(range(799, 199, -1))


def test_calls_share_out_the_trims(valkey: Valkey) -> None:
    limits = TimelineLimits(length=800, slack=0, pushes=20)
    cache, readers = timelines(valkey.client, limits), range(1000, 1100)
    for reader in readers:
        build(cache, reader, [ANN], range(1, 801))
    valkey.client.config_resetstat()
    cache.deliver({ANN: [900]}, ALL)
    stats = valkey.client.info("commandstats")
    assert stats["cmdstat_set"]["calls"] == len(readers)
    assert stats["cmdstat_evalsha"]["calls"] > len(readers) / 5
    newest = (900, *range(800, 1, -1))
    assert all(warm_ids(cache, reader) == newest for reader in readers)


def test_what_a_worker_left_too_long_is_trimmed_by_the_next_push(valkey: Valkey) -> None:
    cache = timelines(valkey.client)
    build(cache, READER, [ANN], [10])
    valkey.client.append(KEYS.timeline(READER), pack(range(20, 60)))
    cache.deliver({ANN: [60]}, ALL)
    assert warm_ids(cache) == (60, 59, 58, 57, 56)


@pytest.mark.parametrize("seed", range(20))
def test_ids_that_are_no_number_as_a_double_find_their_places(valkey: Valkey, seed: int) -> None:
    infinite = 0x7FF << 52
    ids = [infinite + more for more in (-2, -1, 0, 1, 2)] + [2**63 - 2, 2**63 - 1, 7, 8]
    random.Random(seed).shuffle(ids)
    cache = timelines(valkey.client)
    build(cache, READER, [ANN])
    for post in ids:
        cache.deliver({ANN: [post]}, ALL)
    assert warm_ids(cache) == tuple(sorted(ids, reverse=True)[: SMALL.length])


# The server forgets scripts, lacks memory, restarts.


def test_forgotten_scripts_are_loaded_again(valkey: Valkey) -> None:
    cache = timelines(valkey.client)
    build(cache, READER, [ANN])
    for post in (10, 20):
        valkey.client.script_flush()
        cache.deliver({ANN: [post]}, ALL)  # in a pipeline over the shards
        valkey.client.script_flush()
        assert post in warm_ids(cache)


def test_eviction_takes_timelines_never_delivery_lists(valkey: Valkey) -> None:
    client, cache = valkey.client, timelines(valkey.client, TimelineLimits())
    readers = range(1000, 1400)
    for reader in readers:
        build(cache, reader, [ANN], range(1, 801))
    listed = sum(len(followers(client, KEYS, shard, ANN)) for shard in range(SHARDS))
    used = client.info("memory")["used_memory"]
    try:
        client.config_set("maxmemory-policy", "volatile-lfu")
        client.config_set("maxmemory", used - 1_000_000)
        current_timeline(cache)
        left = [reader for reader in readers if client.exists(KEYS.timeline(reader))]
        still = sum(len(followers(client, KEYS, shard, ANN)) for shard in range(SHARDS))
        cache.deliver({ANN: [900]}, ALL)
        read = {reader: current_timeline(cache, reader, DIGEST) for reader in readers}
    finally:
        client.config_set("maxmemory", 0)
    assert 0 < len(left) < len(readers)
    assert still == listed == len(readers)
    warm = {reader: timeline for reader, timeline in read.items() if timeline is not None}
    assert warm.keys() <= set(left)
    assert all(timeline.ids[0] == 900 for timeline in warm.values())


def test_without_memory_nothing_is_acknowledged(valkey: Valkey) -> None:
    client, cache = valkey.client, timelines(valkey.client)
    build(cache, READER, [ANN])
    client.persist(KEYS.timeline(READER))  # so that nothing can be evicted
    try:
        client.config_set("maxmemory-policy", "volatile-lfu")
        client.config_set("maxmemory", 1000)
        with pytest.raises(StoreUnavailableError, match="Redis cannot serve now"):
            cache.deliver({ANN: [10]}, ALL)
        with pytest.raises(StoreUnavailableError):
            cache.begin_load(EVE, [ANN])
    finally:
        client.config_set("maxmemory", 0)
    cache.deliver({ANN: [10]}, ALL)
    assert warm_ids(cache) == (10,)


def test_a_replica_takes_no_writes(valkey: Valkey) -> None:
    cache = timelines(valkey.client)
    build(cache, READER, [ANN])
    valkey.client.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(StoreUnavailableError):
            cache.deliver({ANN: [10]}, ALL)
    finally:
        valkey.client.replicaof("NO", "ONE")


def test_programming_errors_are_not_taken_for_outages(valkey: Valkey) -> None:
    valkey.client.lpush(KEYS.timeline(READER), "not a timeline")
    with pytest.raises(StoreRefusedError, match="WRONGTYPE"):
        current_timeline(timelines(valkey.client))


def test_a_killed_server_is_unavailable_then_cold(valkey: Valkey) -> None:
    cache = timelines(valkey.client)
    build(cache, READER, [ANN], [10])
    valkey.kill()
    try:
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            current_timeline(cache)
        with pytest.raises(StoreUnavailableError):
            cache.deliver({ANN: [20]}, ALL)
    finally:
        valkey.start()
    cache.deliver({ANN: [20]}, ALL)
    assert current_timeline(cache) is None


def test_a_server_that_restarts_with_old_data_is_cold(valkey: Valkey) -> None:
    client, cache = valkey.client, timelines(valkey.client)
    build(cache, READER, [ANN], [10])
    loading = cache.begin_load(EVE, [ANN])
    assert loading is not None
    client.save()
    cache.deliver({ANN: [20]}, ALL)  # lost with the process
    valkey.kill()
    valkey.start()
    assert client.exists(KEYS.timeline(READER))
    assert current_timeline(cache) is None
    assert not cache.complete_load(EVE, loading, [10], 0, DIGEST)
    build(cache, READER, [ANN], [10, 20])
    cache.deliver({ANN: [30]}, ALL)
    assert warm_ids(cache) == (30, 20, 10)
