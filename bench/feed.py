"""A warm page of 20 of the home feed, beside one round trip to Redis for as many bytes.

Readers follow 50 authors, of whom they pull none, 5 or all; timelines and copies are there.
Each page is the whole answer of `home_feed`, in one process with the servers on the same machine,
without HTTP. Both are asked in an open loop, that is at a steady rate and timed from when each was
due, at a rate that takes half of the time that asking one after the other takes.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import orjson
from redis import Redis

from bench.read import Readers, latencies, open_loop, page, readers
from bench.report import Report
from streams.app.settings import Settings
from streams.serving.read_side import ReadSide
from streams.serving.responses import to_json
from streams.sinks.redis.client import connect

SERVERS: Final = ("cassandra", "redis")
_FIRST: Final = 1_000_000
_FOLLOWEES: Final = 50
_PULLED: Final = (0, 5, 50)
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
    groups = [
        Readers(_FIRST * rank, count, _FOLLOWEES, 1 + _FOLLOWEES * rank, pulled)
        for rank, pulled in enumerate(_PULLED, 1)
    ]
    client = connect(settings.redis_host, settings.ports.redis)
    with readers(settings, groups, posts_each) as side:
        for group in groups:
            per_s = _pages(report, side, group, pages)
            if not group.pulled:
                _bare(report, side, client, group.ids, per_s, pages)
    for pulled in _PULLED:
        report.goal(_name(pulled, "p50"), at_most=2)
        report.goal(_name(pulled, "p99"), at_most=10)
    report.ratio(_name(0, "p50"), "bare round trip: p50", at_most=2)


def _pages(report: Report, side: ReadSide, group: Readers, pages: int) -> float:
    """Measure pages of a group; the rate (1/s) at which they were asked for."""
    ask = partial(page, side)
    for _ in ("builds timelines", "fills in copies"):
        for reader in group.ids:
            ask(reader)
    began = time.perf_counter()
    for reader in group.ids:
        ask(reader)
    per_s = _SHARE * group.size / (time.perf_counter() - began)
    report.figure(f"{_name(group.pulled)}, rate", "1/s", per_s)
    latencies(report, _name(group.pulled), open_loop(ask, group.ids, per_s, pages))
    return per_s


def _bare(
    report: Report, side: ReadSide, client: Redis, ids: Sequence[int], per_s: float, pages: int
) -> None:
    for reader in ids:
        client.set(f"page:{reader}", orjson.dumps(to_json(page(side, reader))))

    def bare(reader: int) -> None:
        assert client.get(f"page:{reader}")

    latencies(report, "bare round trip", open_loop(bare, ids, per_s, pages))


def _name(pulled: int, percentile: str = "") -> str:
    name = f"page, {pulled} of {_FOLLOWEES} pulled"
    return f"{name}: {percentile}" if percentile else name
