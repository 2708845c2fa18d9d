"""Memory of warm readers in Redis: bytes for an entry of a timeline, for a reader on a list.

What the server says it uses (`used_memory`) before and after, so keys, tables and slack count.

timelines        of 100 and 800 entries, as they are installed; and in use: after a few pushes,
                 for a string that grows takes up to as much again
copies           of posts of 140 characters, of relations with 50 and 300 users, of what a celebrity
                 and an author without stories have, of what a tray has shown, and of tallies
delivery lists   of 10 to 100,000 readers in 16 shards, each registered as the read side does it;
                 and what sorted sets of the same readers take

An entry and a reader are meant to take 16 bytes, the id being 8 of them.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from redis import Redis

from bench.report import Report
from bench.warm import DIGEST, LIMITS, SHARDS, VERSION, ids_before
from streams.app.settings import Settings
from streams.caching.formats import pack_post, pack_relations, pack_stories
from streams.contracts.events import Tier
from streams.sinks.cassandra.session import parts
from streams.sinks.redis.client import connect
from streams.sinks.redis.keys import Keys, pack
from streams.sinks.redis.row_cache import RedisRowCache
from streams.sinks.redis.timeline_cache import RedisTimelineCache
from streams.views.counts import CachedCount, Count
from streams.views.row_cache import CachedRow
from streams.views.rows import PostRow, Relations, StoryRow
from streams.views.seen_stories import Seen
from streams.views.timeline_limits import shard_of

SERVERS: Final = ("redis",)
_BYTES: Final = "bytes"
_GOAL: Final = 16
_ENTRIES: Final = (100, 800)
_FILLED: Final = 100
_SINGLY: Final = 4
_READERS: Final = {"tiny": 200, "small": 500, "full": 2000}
_LISTS: Final = {
    "tiny": (10, 100),
    "small": (10, 100, 1000, 10_000),
    "full": (10, 100, 1000, 100_000),
}
_LISTED: Final = {"tiny": 20_000, "small": 10_000, "full": 100_000}
"""Readers on lists of one length together: so many lists are measured at once. A client's buffers
come and go meanwhile, some 16 KB: with few readers they would be all that is seen."""


def run(report: Report, size: str, settings: Settings) -> None:
    client = connect(settings.redis_host, settings.ports.redis)
    client.config_set("lazyfree-lazy-user-flush", "no")  # what is flushed is gone at once
    timelines = RedisTimelineCache(client, version=VERSION, shards=SHARDS, limits=LIMITS)
    timelines.complete_load(1, b"t" * 16, (), 0, DIGEST)  # scripts take memory, too
    timelines.deliver({1: (1,)}, 1)
    for entries in _ENTRIES:
        _timelines(report, client, timelines, entries, range(1, _READERS[size] + 1))
    for name, packed in _packed().items():
        report.figure(f"a copy: {name}", _BYTES, _copy(client, packed, 10 * _READERS[size]))
    for length in _LISTS[size]:
        _lists(report, client, timelines, length, max(1, _LISTED[size] // length))


def _timelines(
    report: Report,
    client: Redis,
    timelines: RedisTimelineCache,
    entries: int,
    readers: Iterable[int],
) -> None:
    keys, ids = Keys(VERSION, SHARDS), ids_before(entries + LIMITS.slack)
    count = [0]

    def install() -> None:
        for reader in readers:
            token = timelines.begin_load(reader, ())
            assert token is not None
            assert timelines.complete_load(reader, token, ids[:entries], 0, DIGEST)
            count[0] += entries

    def use() -> None:
        draw = random.Random(entries)
        for reader in readers:
            more = draw.randrange(_SINGLY, LIMITS.slack + 1)
            # A string grows by as much as it then holds: at one of the first pushes.
            for one in ids[entries:][:_SINGLY]:
                client.append(keys.timeline(reader), pack((one,)))
            client.append(keys.timeline(reader), pack(ids[entries + _SINGLY : entries + more]))
            count[0] += more

    before = _empty(client)
    for state, act in {"installed": install, "in use": use}.items():
        act()
        name = f"an entry of a timeline of {entries}, {state}"
        report.figure(name, _BYTES, (_used(client) - before) / count[0])
        report.goal(name, at_most=_GOAL)


def _packed() -> Mapping[str, bytes]:
    """What is copied, by what it is."""
    ids, text = ids_before(1000), "x" * 140
    written = (ids[0], ids[1], text, ("Tag",), ("tag",), ())
    post = PostRow(*written, None, None, None, None, edited=False, deleted=False)
    story = StoryRow(ids[0], ids[1], "https://media.example/1", text[:40], ids[0], None, False)
    followed = {n: frozenset(ids[:n]) for n in (50, 300)}
    return {
        "a post": pack_post(post, Tier.REGULAR),
        **{
            f"relations with {n}": pack_relations(Relations(some, frozenset(), frozenset()))
            for n, some in followed.items()
        },
        "10 stories": pack_stories([story] * 10, ids[0], Tier.REGULAR),
        "no stories": pack_stories([], ids[0], Tier.REGULAR),
        "30 stories seen or not": Seen(frozenset(ids[:15]), frozenset(ids[15:30])).pack(),
        "a tally": CachedCount(Count(1)).pack(),
        "a tally of 100 views": CachedCount.of(ids[:100]).pack(),
    }


def _copy(client: Redis, packed: bytes, count: int) -> float:
    """Bytes of a copy, its key and its place in the table counted."""
    copies = RedisRowCache(client, version=VERSION, parts=1, letter="x")
    before = _empty(client)
    for ids in parts(range(1, count + 1), _FILLED):
        copies.fill(copies.get(ids).token, dict.fromkeys(ids, CachedRow(packed, 3600)))
    return (_used(client) - before) / count


def _lists(
    report: Report, client: Redis, timelines: RedisTimelineCache, length: int, lists: int
) -> None:
    draw = random.Random(length)
    keys, authors = Keys(VERSION, SHARDS), range(1, lists + 1)
    readers = draw.sample(range(1, 10 * length), length)

    def packed() -> None:
        for reader in readers:
            timelines.begin_load(reader, authors)
            client.delete(keys.timeline(reader), keys.authors(reader))

    def sorted_sets() -> None:
        with client.pipeline(transaction=False) as pipe:
            for author in authors:
                for reader in readers:
                    key = keys.lists(shard_of(reader, SHARDS)) + pack((author,))
                    pipe.zadd(key, {pack((reader,)): 0})
                pipe.execute()

    def bytes_of(act: Callable[[], None]) -> float:
        before = _empty(client)
        act()
        return (_used(client) - before) / (length * lists)

    name = f"a reader on a list of {length:,}"
    report.figure(name, _BYTES, bytes_of(packed))
    report.figure(f"{name}: sorted set", _BYTES, bytes_of(sorted_sets))
    report.goal(name, at_most=_GOAL)


def _empty(client: Redis) -> int:
    """What is used when nothing is stored any more."""
    client.flushall()
    return _used(client)


def _used(client: Redis) -> int:
    """Bytes that data take, without what clients take at the moment."""
    told = client.info("memory")
    return int(told["used_memory"]) - int(told["mem_clients_normal"])
