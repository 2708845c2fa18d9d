"""What lies in Redis is told by kind, as it is and by a sample."""

import json
import os
import subprocess
import sys

import pytest

from streams.sinks.redis.reader_activity import RedisReaderActivity
from streams.sinks.redis.row_cache import RedisRowCache
from streams.sinks.redis.stats import KINDS, OTHER, cache_stats
from streams.sinks.redis.timeline_cache import RedisTimelineCache
from streams.views.row_cache import CachedRow
from streams.views.timeline_limits import TimelineLimits
from tests.integration.valkey import Valkey, free_port

pytestmark = pytest.mark.stack


def test_everything_is_counted_by_its_kind(valkey: Valkey) -> None:
    client = valkey.client
    timelines = RedisTimelineCache(client, version="v1", shards=2, limits=TimelineLimits())
    token = timelines.begin_load(7, [8, 9])
    assert token is not None
    assert timelines.complete_load(7, token, [3, 2], 1, b"s" * 16)
    RedisReaderActivity(client, version="v1", shards=2).record_read(7)
    posts = RedisRowCache(client, version="v2", parts=2, letter="p")
    posts.fill(
        posts.get(range(1, 51)).token, dict.fromkeys(range(1, 51), CachedRow(b"x" * 100, 60))
    )
    client.set("not ours", "x" * 5000)
    found = cache_stats(client, 1000)
    counted = {(kind.version, kind.kind): kind.keys for kind in found.kinds}
    assert counted == {
        ("v1", KINDS["t"]): 1,
        ("v1", KINDS["s"]): 1,
        ("v1", KINDS["f"]): 2,
        ("v1", KINDS["visits"]): 1,
        ("v2", KINDS["p"]): 50,
        ("", OTHER): 1,
    }
    assert (found.keys, found.sampled) == (56, 56)
    assert 50 * 150 < found.kinds[0].bytes < 50 * 400
    assert [kind.bytes for kind in found.kinds] == sorted(
        (kind.bytes for kind in found.kinds), reverse=True
    )
    assert found.used_bytes > sum(kind.bytes for kind in found.kinds)


def test_of_very_many_keys_a_sample_is_drawn(valkey: Valkey) -> None:
    client = valkey.client
    for letter, count in (("p", 3000), ("r", 1000)):
        copies = RedisRowCache(client, version="v1", parts=1, letter=letter)
        ids = range(1, count + 1)
        copies.fill(copies.get(ids).token, dict.fromkeys(ids, CachedRow(b"x", 60)))
    found = cache_stats(client, 1200)
    assert (found.keys, found.sampled) == (4000, 1200)
    counted = {kind.kind: kind.keys for kind in found.kinds}
    assert abs(counted[KINDS["p"]] - 3000) < 300
    assert sum(counted.values()) in range(3998, 4003)


def test_an_empty_server_has_nothing(valkey: Valkey) -> None:
    found = cache_stats(valkey.client, 10)
    assert (found.keys, found.sampled, list(found.kinds)) == (0, 0, [])


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_tells_it(valkey: Valkey, as_json: bool) -> None:
    posts = RedisRowCache(valkey.client, version="v1", parts=1, letter="p")
    posts.fill(posts.get([1, 2]).token, dict.fromkeys([1, 2], CachedRow(b"x", 60)))
    done = storyline(valkey.port, *(["--json"] if as_json else []))
    assert done.returncode == 0
    if as_json:
        (kind,) = json.loads(done.stdout)["kinds"]
        assert (kind["kind"], kind["version"], kind["keys"]) == ("posts", "v1", 2)
    else:
        assert "2 keys" in done.stdout
        assert "0 keys evicted" in done.stdout


def test_without_a_server_it_says_so() -> None:
    done = storyline(free_port())
    assert done.returncode == 1
    assert done.stderr.startswith("storyline: a store does not answer: Redis does not answer")


def storyline(port: int, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "cache", "stats", *options],
        env=os.environ | {"STORYLINE_PORTS__REDIS": str(port)},
        capture_output=True,
        text=True,
        check=False,
    )
