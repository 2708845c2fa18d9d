"""Statistics of Redis: number and size of the keys of each kind, by a sample of the keys."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from redis import Redis

from streams.sinks.redis.client import store_errors

KINDS: Final = {
    "t": "timelines",
    "s": "timelines' authors",
    "f": "delivery lists",
    "visits": "last visits",
    "pulled": "pull set",
    "p": "posts",
    "r": "relations",
    "st": "stories",
    "sv": "seen stories",
    "nl": "tallies of likes",
    "vn": "tallies of views",
    "nc": "tallies of comments",
    "nr": "tallies of reposts",
}
"""Part of a key after its hash tag -> kind of the key."""
OTHER: Final = "other"
_KEY: Final = re.compile(rb"\{([^{}.]+)\.[^{}]*\}:([a-z]+)(?::|$)")
_PART: Final = 500


class KeyKind(NamedTuple):
    """Keys of one kind in one version of the views: their approximate number and total bytes."""

    version: str
    kind: str
    keys: int
    bytes: int


class CacheStats(NamedTuple):
    """A server's keys, and its counters since it started."""

    keys: int
    sampled: int
    kinds: Sequence[KeyKind]
    used_bytes: int
    max_bytes: int
    """`0` if there is no limit."""
    policy: str
    evicted: int
    hits: int
    misses: int
    """Hits and misses: keys that commands of any kind, also in scripts, found and did not find."""


def cache_stats(client: Redis, sample: int) -> CacheStats:
    """Return the statistics of a server.

    Args:
        client: Client of the server.
        sample: Number of keys to draw at random if the server has more.
    """
    with store_errors():
        info, count = client.info(), client.dbsize()
        keys = list(client.scan_iter(count=_PART)) if count <= sample else _drawn(client, sample)
        sizes = _sizes(client, keys)
    return CacheStats(
        keys=count,
        sampled=len(sizes),
        kinds=_kinds(zip(keys, sizes, strict=True), count / max(len(sizes), 1)),
        used_bytes=info["used_memory"],
        max_bytes=info["maxmemory"],
        policy=info["maxmemory_policy"],
        evicted=info["evicted_keys"],
        hits=info["keyspace_hits"],
        misses=info["keyspace_misses"],
    )


def _drawn(client: Redis, sample: int) -> list[bytes]:
    keys: list[bytes] = []
    for start in range(0, sample, _PART):
        with client.pipeline(transaction=False) as pipe:
            for _ in range(min(_PART, sample - start)):
                pipe.randomkey()
            keys += [key for key in pipe.execute() if key is not None]
    return keys


def _sizes(client: Redis, keys: Sequence[bytes]) -> list[int]:
    sizes: list[int] = []
    for start in range(0, len(keys), _PART):
        with client.pipeline(transaction=False) as pipe:
            for key in keys[start : start + _PART]:
                pipe.memory_usage(key)
            sizes += [size or 0 for size in pipe.execute()]  # 0: gone since
    return sizes


def _kinds(sizes: Iterable[tuple[bytes, int]], each: float) -> list[KeyKind]:
    """Return the sampled keys by kind, the largest first; each key counts as `each` keys."""
    counted: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for key, size in sizes:
        kind = _kind(key)
        counted[kind] += 1
        total[kind] += size
    return [
        KeyKind(*kind, round(counted[kind] * each), round(size * each))
        for kind, size in total.most_common()
    ]


def _kind(key: bytes) -> tuple[str, str]:
    """Return the version of the views that a key belongs to, and its kind."""
    found = _KEY.match(key)
    version, letter = (part.decode() for part in found.groups()) if found else ("", "")
    return (version, KINDS[letter]) if letter in KINDS else ("", OTHER)
