"""Warm readers to deliver to: a skewed graph, and its timelines in Redis as they are in use."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Final, NamedTuple

from redis import Redis

from streams.contracts.ids import MAX_ID, make_id
from streams.sinks.redis.keys import Keys, pack
from streams.sinks.redis.scripts import source
from streams.sinks.redis.timeline_cache import RedisTimelineCache
from streams.views.timeline_limits import TimelineLimits, shard_of

VERSION: Final = "v1"
SHARDS: Final = 16
LIMITS: Final = TimelineLimits()
DIGEST: Final = b"followed authors"
_START: Final = 1_735_689_600_000
_HOUR: Final = 3_600_000

_COPIED: Final = 50
_ENLISTED: Final = 1000
_COPY: Final = """
for at = 1, #ARGV[1], 8 do
  redis.call('COPY', KEYS[1], KEYS[2] .. string.sub(ARGV[1], at, at + 7))
end
"""
_ENLIST: Final = """
for at = 1, #ARGV[1], ID do
  register(KEYS[1], string.sub(ARGV[1], at, at + ID - 1), tonumber(ARGV[2]))
end
"""

Graph = Mapping[int, Sequence[int]]
"""Author -> followers, ascending."""
Batch = Mapping[int, Sequence[int]]
"""Author -> posts."""


class Posting(NamedTuple):
    """Batches of posts, and how many deliveries they make."""

    batches: Sequence[Batch]
    deliveries: int


def skewed(draw: random.Random, users: int, authors: int, mean: int) -> Graph:
    """One author is followed by a tenth of the users, the others by fewer (a Pareto distribution);
    all together by `mean` users an author. Authors' ids lie above the users'."""
    giant = users // 10
    weights = [draw.paretovariate(1.3) for _ in range(authors - 1)]
    scale = (mean * authors - giant) / sum(weights)
    sizes = [giant, *(min(giant, max(1, round(scale * weight))) for weight in weights)]
    short = mean * authors - sum(sizes)  # what the limit of the largest took
    while short > 0:
        for place, size in enumerate(sizes):
            more = min(giant - size, max(1, short // authors), short)
            sizes[place], short = size + more, short - more
    everyone = range(1, users + 1)
    return {
        users + place: sorted(draw.sample(everyone, size)) for place, size in enumerate(sizes, 1)
    }


def posting(draw: random.Random, graph: Graph, posts: int, batch: int, hour: int) -> Posting:
    """So many posts by authors drawn evenly, newer than those of any earlier hour."""
    authors = tuple(graph)
    drawn = [draw.choice(authors) for _ in range(posts)]
    ids = [make_id(_START + hour * _HOUR + place, 1, 0) for place in range(posts)]
    batches: list[dict[int, list[int]]] = []
    for start in range(0, posts, batch):
        made: dict[int, list[int]] = {}
        for author, post in zip(drawn[start : start + batch], ids[start:], strict=False):
            made.setdefault(author, []).append(post)
        batches.append(made)
    return Posting(batches, sum(len(graph[author]) for author in drawn))


def ids_before(count: int) -> Sequence[int]:
    """Ids of posts, ascending, all of them older than those of `posting`."""
    return [make_id(_START - count + place, 1, 0) for place in range(count)]


def warm(draw: random.Random, client: Redis, graph: Graph) -> RedisTimelineCache:
    """Every follower's timeline, registered and installed as the read side does it, and then in
    the state of one in use: between the length it is cut to and the length it is cut at."""
    timelines = RedisTimelineCache(client, version=VERSION, shards=SHARDS, limits=LIMITS)
    keys, ids = Keys(VERSION, SHARDS), ids_before(LIMITS.longest)
    loaded, later = ids[: LIMITS.length], ids[LIMITS.length :]
    for reader, followed in followed_by(graph).items():
        token = timelines.begin_load(reader, followed)
        assert token is not None
        assert timelines.complete_load(reader, token, loaded, 0, DIGEST)
        client.append(keys.timeline(reader), pack(later[: draw.randrange(LIMITS.slack + 1)]))
    return timelines


def copies(client: Redis, readers: Iterable[int], shortest: int) -> None:
    """Timelines of more than `shortest` and up to twice as many entries, on no list: installed once
    for each length, and copied by the server, as a million of them would take minutes otherwise."""
    timelines = RedisTimelineCache(client, version=VERSION, shards=SHARDS, limits=LIMITS)
    script, keys = client.register_script(_COPY), Keys(VERSION, SHARDS)
    ids = ids_before(2 * shortest)
    templates = []
    for place in range(shortest):
        token = timelines.begin_load(MAX_ID - place, ())
        assert token is not None
        assert timelines.complete_load(MAX_ID - place, token, ids[place:], 0, DIGEST)
        templates.append(keys.timeline(MAX_ID - place))
    template = cycle(templates)
    for shard, some in _by_shard(readers, _COPIED):
        script((next(template), keys.timelines(shard)), (pack(some),))


def enlist(client: Redis, author: int, readers: Iterable[int]) -> None:
    """Put readers on an author's lists, many at a time, by the code of the script `begin`."""
    script, keys = client.register_script(source() + _ENLIST), Keys(VERSION, SHARDS)
    for shard, some in _by_shard(readers, _ENLISTED):
        script((keys.lists(shard) + pack((author,)),), (pack(some), LIMITS.list_page))


def _by_shard(readers: Iterable[int], size: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Shards, each with some of its readers."""
    beside: dict[int, list[int]] = {}
    for reader in readers:
        beside.setdefault(shard_of(reader, SHARDS), []).append(reader)
    for shard, those in beside.items():
        for start in range(0, len(those), size):
            yield shard, those[start : start + size]


def followed_by(graph: Graph) -> Mapping[int, Sequence[int]]:
    """Reader -> authors."""
    found: dict[int, list[int]] = {}
    for author, followers in graph.items():
        for reader in followers:
            found.setdefault(reader, []).append(author)
    return found
