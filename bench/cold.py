"""The first page of a feed whose timeline is gone, by how many authors its reader follows.

Each reader follows 50, 200, 1,000 or 5,000 authors; Redis is flushed before each page. A page reads
the relations and merges the authors' posts from Cassandra, and stores the timeline on the way.
`warm` is the same reader's next page, and `after a follow` the one after that, when the reader has
just followed somebody who wrote once a month for five years. Of the ids alone it is also told what
a durable copy of the timeline would save (`bench.durable_pages`). Asked one after the other, in one
process with the servers on the same machine.
"""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Final, NamedTuple

from redis import Redis

from bench.durable_pages import DurablePages
from bench.read import START, Readers, latencies, page, plain_post, readers
from bench.report import Report
from streams.app.settings import Settings
from streams.app.stores import durable_views, row_caches
from streams.caching.invalidating_sink import InvalidatingSink
from streams.contracts.ids import make_id
from streams.serving.read_side import ReadSide
from streams.sinks.redis.client import connect
from streams.views.effects import Effects, Relation, SetRelation, Stamp

SERVERS: Final = ("cassandra", "redis")
_FIRST: Final = 1_000_000
_SELDOM: Final = 100_000_000
"""Who writes once a month."""
_MONTH: Final = 30 * 86_400_000
_AIM: Final = 200
"""Up to so many followees a cold page is meant to take no longer than 100 ms."""


class _Size(NamedTuple):
    followees: tuple[int, ...]
    readers: int
    posts_each: int


_SIZES: Final = {
    "tiny": _Size((20, 50), 3, 2),
    "small": _Size((50, 200, 1_000), 50, 20),
    "full": _Size((50, 200, 1_000, 5_000), 200, 20),
}


def run(report: Report, size: str, settings: Settings) -> None:
    followees, count, posts_each = _SIZES[size]
    groups = [Readers(_FIRST * place, count, many) for place, many in enumerate(followees, 1)]
    client = connect(settings.redis_host, settings.ports.redis)
    with (
        readers(settings, groups, posts_each) as side,
        durable_views(settings) as store,
        closing(DurablePages(settings, side)) as pages,
    ):
        sink = InvalidatingSink(store, store, row_caches(settings))
        times = range(START - 60 * _MONTH, START, _MONTH)
        sink.apply(Effects(create_posts=[plain_post(make_id(at), _SELDOM) for at in times]))
        for reader in groups[0].ids:  # a server that has just started compiles on the way
            client.flushall()
            page(side, reader)
        for group in groups:
            name = f"{group.followees:,} followees"
            _measure(report, name, group, side, sink, client)
            if group.followees <= _AIM:
                report.goal(f"{name}, cold: p99", at_most=100)
            report.ratio(f"{name}, cold: p50", f"{name}, warm: p50")
            built, restored = pages.compare(group.ids)
            latencies(report, f"{name}, ids built", built)
            latencies(report, f"{name}, ids from a durable page", restored)
            report.ratio(f"{name}, ids from a durable page: p50", f"{name}, ids built: p50")


def _measure(
    report: Report, name: str, group: Readers, side: ReadSide, sink: InvalidatingSink, client: Redis
) -> None:
    cold, warm, followed = [], [], []
    for reader in group.ids:
        client.flushall()
        cold.append(_ms(partial(page, side, reader)))
        warm.append(_ms(partial(page, side, reader)))
        sink.apply(_follow(reader))
        followed.append(_ms(partial(page, side, reader)))
        sink.apply(_follow(reader, ended=True))
    latencies(report, f"{name}, cold", cold)
    latencies(report, f"{name}, warm", warm)
    latencies(report, f"{name}, after a follow", followed)


def _follow(reader: int, *, ended: bool = False) -> Effects:
    stamp = Stamp(START, _SELDOM, ended)
    return Effects(relations=[SetRelation(Relation.FOLLOW, reader, _SELDOM, stamp)])


def _ms(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)
