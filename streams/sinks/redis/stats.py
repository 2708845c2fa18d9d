"""What lies in Redis: how much of which kind, by a sample of the keys."""

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
"""What the part of a key after its hash tag stands for."""
OTHER: Final = "other"
_KEY: Final = re.compile(rb"\{([^{}.]+)\.[^{}]*\}:([a-z]+)(?::|$)")
_PART: Final = 500


class KeyKind(NamedTuple):
    """Keys of one kind in one version of the views: about how many, and their bytes in all."""

    version: str
    kind: str
    keys: int
    bytes: int


class CacheStats(NamedTuple):
    """A server's keys, and how it fares since it started."""

    keys: int
    sampled: int
    kinds: Sequence[KeyKind]
    used_bytes: int
    max_bytes: int
    """0: no limit."""
    policy: str
    evicted: int
    hits: int
    misses: int
    """Keys that commands of any kind looked up, found and not; scripts' lookups included."""


def cache_stats(client: Redis, sample: int) -> CacheStats:
    """What a server holds. Where it has more than `sample` keys, so many are drawn at random."""
    with store_errors():
        told, count = client.info(), client.dbsize()
        keys = list(client.scan_iter(count=_PART)) if count <= sample else _drawn(client, sample)
        sizes = _sizes(client, keys)
    return CacheStats(
        keys=count,
        sampled=len(sizes),
        kinds=_kinds(zip(keys, sizes, strict=True), count / max(len(sizes), 1)),
        used_bytes=told["used_memory"],
        max_bytes=told["maxmemory"],
        policy=told["maxmemory_policy"],
        evicted=told["evicted_keys"],
        hits=told["keyspace_hits"],
        misses=told["keyspace_misses"],
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
            sizes += [size or 0 for size in pipe.execute()]  # gone meanwhile
    return sizes


def _kinds(sizes: Iterable[tuple[bytes, int]], each: float) -> list[KeyKind]:
    """The sampled keys by their kind, the largest first; each stands for so many."""
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
    """Version of the views, and what the key stands for in them."""
    found = _KEY.match(key)
    version, letter = (part.decode() for part in found.groups()) if found else ("", "")
    return (version, KINDS[letter]) if letter in KINDS else ("", OTHER)
