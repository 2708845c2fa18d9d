"""No key of a cache outlives its use: each has an expiry, whatever happens between two steps."""

import pytest
import redis

from streams.sinks.redis.row_cache import LEASE_S, RedisRowCache
from streams.views.row_cache import CachedRow
from streams.views.timeline_limits import TimelineLimits
from tests.contract.timeline_suite import READER
from tests.integration.redis_timelines import KEYS, timelines
from tests.integration.valkey import Valkey

pytestmark = pytest.mark.stack

ANN, NO_EXPIRY = 1, -1
TTL_S = 1800
FEW_PUSHES = TimelineLimits(pushes=4)
AUTHORS = list(range(10, 20))
"""More than one call registers with so few pushes."""


@pytest.fixture
def client(valkey: Valkey) -> redis.Redis:
    return valkey.client


def without_expiry(client: redis.Redis) -> list[bytes]:
    """Keys that never expire, other than the lists of deliveries."""
    return [key for key in client.scan_iter() if client.ttl(key) == NO_EXPIRY and b":f:" not in key]


def test_copy_that_is_being_renewed_keeps_its_lifetime(client: redis.Redis) -> None:
    copies = RedisRowCache(client, version="v1", parts=1, letter="p")
    copies.fill(copies.get([ANN]).token, {ANN: CachedRow(b"a", TTL_S)})
    renewed = copies.refresh([ANN])
    assert renewed.old == {ANN: b"a"}
    (key,) = client.scan_iter()
    assert LEASE_S < client.ttl(key) <= TTL_S, "a worker that is killed here leaves it"
    copies.fill(renewed.token, {ANN: CachedRow(b"b", 2 * TTL_S)})
    assert TTL_S < client.ttl(key) <= 2 * TTL_S


def test_renewal_that_finds_no_copy_leaves_no_key(client: redis.Redis) -> None:
    copies = RedisRowCache(client, version="v1", parts=1, letter="p")
    copies.get([ANN])
    assert copies.refresh([ANN]).old == {}
    assert list(client.scan_iter()) == []


def test_list_of_authors_that_is_lost_during_a_load_does_not_come_back_in_part(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = timelines(client, FEW_PUSHES)
    calls = _lose_authors_after_the_first_call(client, monkeypatch, cache)
    assert cache.begin_load(READER, AUTHORS) is not None
    assert calls[0] > 2
    assert without_expiry(client) == []
    assert not client.exists(KEYS.authors(READER))


def test_every_key_of_a_load_expires(client: redis.Redis) -> None:
    cache = timelines(client, FEW_PUSHES)
    token = cache.begin_load(READER, AUTHORS)
    assert token is not None
    assert without_expiry(client) == []
    assert cache.complete_load(READER, token, [5], 0, b"0" * 16)
    assert without_expiry(client) == []
    assert sorted(cache.authors(READER)) == AUTHORS


def _lose_authors_after_the_first_call(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch, cache: object
) -> list[int]:
    """Evict the list of authors between two calls of a load. The first item counts the calls."""
    script, calls = vars(cache)["_begin_load"], [0]
    run = type(script).run

    def losing(self: object, *arguments: object) -> object:
        answer = run(self, *arguments)
        if self is script:
            calls[0] += 1
            if calls[0] == 1:
                assert client.delete(KEYS.authors(READER)) == 1
        return answer

    monkeypatch.setattr(type(script), "run", losing)
    return calls
