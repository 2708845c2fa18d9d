"""A warm page of 20 of the home feed, beside one round trip to Redis for as many bytes.

Readers follow 50 authors and have their timelines; each page is the whole answer of `home_feed`, in
one process with the servers on the same machine, without HTTP. Both are asked in an open loop, that
is at a steady rate and timed from when each was due, at a rate that takes half of the time that
asking one after the other takes.
"""

import time
from functools import partial
from typing import Final, NamedTuple

import orjson

from bench.reading import Readers, latencies, open_loop, page, readers
from bench.report import Report
from streams.app.settings import Settings
from streams.serving.answers import to_json
from streams.sinks.redis.client import connect

SERVERS: Final = ("cassandra", "redis")
_FIRST: Final = 1_000_000
_FOLLOWEES: Final = 50
_SHARE: Final = 0.5


class _Size(NamedTuple):
    readers: int
    posts_each: int
    pages: int


_SIZES: Final = {
    "tiny": _Size(3, 2, 20),
    "small": _Size(200, 20, 2_000),
    "full": _Size(500, 40, 20_000),
}


def run(report: Report, size: str, settings: Settings) -> None:
    count, posts_each, pages = _SIZES[size]
    group = Readers(_FIRST, count, _FOLLOWEES)
    client = connect(settings.redis_host, settings.ports.redis)
    with readers(settings, [group], posts_each) as side:
        ask = partial(page, side)
        for reader in group.ids:  # builds its timeline
            client.set(f"page:{reader}", orjson.dumps(to_json(ask(reader))))
        began = time.perf_counter()
        for reader in group.ids:
            ask(reader)
        per_s = _SHARE * count / (time.perf_counter() - began)
        report.figure("rate of both", "1/s", per_s)
        latencies(report, "page", open_loop(ask, group.ids, per_s, pages))
        report.goal("page: p50", at_most=2)
        report.goal("page: p99", at_most=10)

        def bare(reader: int) -> None:
            assert client.get(f"page:{reader}")

        latencies(report, "bare round trip", open_loop(bare, group.ids, per_s, pages))
        report.ratio("page: p50", "bare round trip: p50", at_most=2)
