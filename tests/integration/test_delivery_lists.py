"""Delivery lists on a real server: their layout, against a plain set, at every size of a page."""

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from streams.sinks.redis.keys import Keys, pack
from streams.sinks.redis.timeline_cache import RedisTimelineCache
from streams.views.timeline_cache import Delivery
from streams.views.timeline_limits import TimelineLimits
from tests.contract.timeline_suite import (
    ALL,
    ANN,
    READER,
    build,
    current_timeline,
    finish,
    warm_ids,
)
from tests.integration.delivery_lists import followers
from tests.integration.valkey import Valkey

pytestmark = pytest.mark.stack

KEYS = Keys("v1", 1)
MAX_ID = 2**63 - 1


def timelines(valkey: Valkey, page: int = 512, pushes: int = 250) -> RedisTimelineCache:
    limits = TimelineLimits(pushes=pushes, list_page=page)
    return RedisTimelineCache(valkey.client, version="v1", shards=1, limits=limits)


readers = st.one_of(st.integers(1, 12), st.integers(1, MAX_ID), st.integers(MAX_ID - 3, MAX_ID))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("join"), readers),
        st.tuples(st.just("leave"), st.integers(0, 50)),
        st.tuples(st.just("deliver"), st.integers(1, 9)),
    ),
    max_size=60,
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=steps, page=st.integers(1, 5), pushes=st.integers(1, 9))
def test_a_list_is_a_set_in_order(
    valkey: Valkey, steps: list[tuple[str, int]], page: int, pushes: int
) -> None:
    valkey.client.flushall()
    cache = timelines(valkey, page, pushes)
    warm: set[int] = set()
    posts: list[int] = []
    for what, number in steps:
        if what == "join":
            build(cache, number, [ANN], posts)
            warm.add(number)
            assert warm <= set(followers(valkey.client, KEYS, 0, ANN, page))
        elif what == "leave" and warm:
            gone = sorted(warm)[number % len(warm)]
            valkey.client.delete(KEYS.timeline(gone))
            warm.remove(gone)
        elif what == "deliver":
            posts.append(len(posts) + 1)
            finish(cache, cache.deliver({ANN: posts[-1:]}, number), number)
            assert followers(valkey.client, KEYS, 0, ANN, page) == sorted(warm)
            assert all(warm_ids(cache, reader) == tuple(reversed(posts)) for reader in warm)
        event(f"{len(warm) // (2 * page)} double pages")


@pytest.mark.parametrize("order", ["ascending", "descending", "inwards"])
def test_a_list_of_many_pages_is_walked_to_its_end_and_emptied(valkey: Valkey, order: str) -> None:
    cache, client = timelines(valkey, page=4, pushes=7), valkey.client
    everyone = list(range(100, 200))
    joining = {
        "ascending": everyone,
        "descending": everyone[::-1],
        "inwards": sorted(everyone, key=lambda reader: -abs(reader - 150)),
    }
    for reader in joining[order]:
        build(cache, reader, [ANN])
    assert followers(client, KEYS, 0, ANN, 4) == everyone
    assert list(cache.deliver({ANN: [10]}, len(everyone))) == []
    assert all(warm_ids(cache, reader) == (10,) for reader in everyone)
    for gone in (everyone[:30], everyone[70:], everyone[30:70]):  # first, last, all pages
        client.delete(*map(KEYS.timeline, gone), *map(KEYS.authors, gone))
        assert list(cache.deliver({ANN: [20]}, ALL)) == []
        everyone = [reader for reader in everyone if reader not in gone]
        assert followers(client, KEYS, 0, ANN, 4) == everyone
    assert client.dbsize() == 0


def test_a_cursor_at_the_end_of_a_page_goes_on_with_the_next(valkey: Valkey) -> None:
    cache = timelines(valkey, page=4)
    for reader in range(100, 120):
        build(cache, reader, [ANN])
    for cursor in range(99, 120):
        finish(cache, [Delivery(ANN, 1000 + cursor, 0, cursor)], 3)
        served = [r for r in range(100, 120) if 1000 + cursor in warm_ids(cache, r)]
        assert served == list(range(cursor + 1, 120))


def test_cold_readers_of_a_page_leave_in_one_write(valkey: Valkey) -> None:
    cache, client = timelines(valkey, pushes=1000), valkey.client
    for reader in range(100, 200):
        build(cache, reader, [ANN])
    client.delete(*map(KEYS.timeline, range(100, 200, 2)))
    client.config_resetstat()
    cache.deliver({ANN: [10]}, ALL)
    assert client.info("commandstats")["cmdstat_set"]["calls"] == 1
    assert followers(client, KEYS, 0, ANN) == list(range(101, 200, 2))


def test_lists_of_long_standing_take_eight_bytes_an_id(valkey: Valkey) -> None:
    cache = timelines(valkey)
    for reader in range(1, 513):
        build(cache, reader, [ANN])
    key = KEYS.lists(0) + pack((ANN,))
    assert valkey.client.strlen(key) == 512 * 8
    assert (valkey.client.memory_usage(key) or 0) <= 512 * 8 + 100


def test_what_an_older_version_left_is_cold_and_in_nobodys_way(valkey: Valkey) -> None:
    """Lists were sorted sets under another letter; timelines of that time tell their layout."""
    cache, client = timelines(valkey), valkey.client
    build(cache, READER, [ANN], [10])
    key = KEYS.timeline(READER)
    client.set(key, b"\1" + b"C" + b"x" * 72 + pack((0, 10)), keepttl=True)
    client.zadd(b"{v1.0}:d:" + pack((ANN,)), {pack((READER,)): 0})
    client.delete(KEYS.lists(0) + pack((ANN,)))
    assert current_timeline(cache) is None
    cache.deliver({ANN: [20]}, ALL)
    build(cache, READER, [ANN], [10, 20])
    cache.deliver({ANN: [30]}, ALL)
    assert warm_ids(cache) == (30, 20, 10)
    client.set(key, b"\1" + b"C" + b"x" * 72 + pack(range(2000)))  # by a reader not yet upgraded
    assert list(cache.deliver({ANN: [40]}, ALL)) == []
    assert not client.exists(key)
