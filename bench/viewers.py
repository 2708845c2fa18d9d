"""A page of 20 of who viewed a story that very many did, beside one round trip to Redis.

Viewers are hashed into 16 partitions; a page asks each for its latest. It is asked in an open loop,
that is at a steady rate and timed from when each was due, at a rate that takes half of the time
that asking one after the other takes: at the top of the list, and from anywhere in it. Beside it,
once: reading all viewers and sorting them, which is what a page costs without their order.
"""

import random
import time
from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

import orjson

from bench.read import PAGE, latencies, open_loop
from bench.report import Report
from streams.app.migrate import migrate_views
from streams.app.settings import Settings
from streams.app.stores import durable_views
from streams.contracts.ids import make_id
from streams.serving import story_viewers
from streams.serving.responses import ViewerPage, to_json
from streams.sinks.cassandra.session import parts
from streams.sinks.redis.client import connect
from streams.views.effects import CreateStory, Effects, SeeContent, SetLike, Stamp
from streams.views.store import Views, ViewSink

SERVERS: Final = ("cassandra", "redis")
_OWNER: Final = 1
_CREATED: Final = 1_735_689_600_000
_STORY: Final = make_id(_CREATED)
_DAY: Final = 86_400_000
_BATCH: Final = 5_000
_SHARE: Final = 0.5
_AGAIN: Final = 0.2
"""Of the viewers, so many come again."""
_LIKE: Final = 0.3


class _Size(NamedTuple):
    viewers: int
    pages: int


_SIZES: Final = {
    "tiny": _Size(300, 20),
    "small": _Size(100_000, 1_000),
    "full": _Size(1_000_000, 1_000),
}


def run(report: Report, size: str, settings: Settings) -> None:
    count, pages = _SIZES[size]
    draw = random.Random(3)
    migrate_views(settings, lambda _: None)
    with durable_views(settings) as store:
        seconds = _fill(store, draw, count)
        report.figure(f"{count:,} viewers, written", "views/s", count * (1 + _AGAIN) / seconds)
        viewers = sorted(draw.sample(range(2, 2 + count), min(count, 500)))
        page = partial(_page, Views.of(store))
        for name, cursors in (("first page", [0]), ("page from anywhere", viewers)):
            began = time.perf_counter()
            for cursor in (cursors * 50)[:50]:
                page(cursor)
            per_s = _SHARE * 50 / (time.perf_counter() - began)
            report.figure(f"{name}, rate", "1/s", per_s)
            latencies(report, name, open_loop(page, cursors, per_s, pages))
        began = time.perf_counter()
        everybody = sorted(((at, who) for who, at in store.viewers(_STORY).items()), reverse=True)
        report.figure("all viewers read and sorted", "ms", 1000 * (time.perf_counter() - began))
        shown = [viewer.user_id for viewer in page(0).viewers]
        assert shown == [who for _, who in everybody[:PAGE]]
        _bare(report, settings, page(0), per_s, pages)
    report.ratio("first page: p50", "bare round trip: p50")
    report.goal("first page: p99", at_most=100)
    report.goal("page from anywhere: p99", at_most=100)


def _page(views: Views, after: int) -> ViewerPage:
    found = story_viewers(views, _STORY, as_user=_OWNER, after=after or None, limit=PAGE)
    assert found.viewers or after
    return found


def _fill(views: ViewSink, draw: random.Random, count: int) -> float:
    """The story, its viewers and likes; the seconds that the views took."""
    story = CreateStory(_STORY, _OWNER, 1, "media", "", _CREATED + _DAY)
    views.apply(Effects(create_stories=[story]))
    for likes in parts(_likes(draw, count), _BATCH):
        views.apply(Effects(likes=likes))
    began = time.perf_counter()
    for seen in parts(_views(draw, count), _BATCH):
        views.apply(Effects(views=seen))
    return time.perf_counter() - began


def _views(draw: random.Random, count: int) -> Iterator[SeeContent]:
    for number in range(count):
        at = _CREATED + number * _DAY // count
        yield SeeContent(_STORY, 2 + number, at, as_story=True)
        if draw.random() < _AGAIN:
            yield SeeContent(_STORY, 2 + draw.randrange(number + 1), at + 1, as_story=True)


def _likes(draw: random.Random, count: int) -> Iterator[SetLike]:
    for number in range(count):
        if draw.random() < _LIKE:
            yield SetLike(_STORY, 2 + number, Stamp(_CREATED, 1))


def _bare(report: Report, settings: Settings, page: ViewerPage, per_s: float, pages: int) -> None:
    client = connect(settings.redis_host, settings.ports.redis)
    client.set("page", orjson.dumps(to_json(page)))

    def bare(_: int) -> None:
        assert client.get("page")

    latencies(report, "bare round trip", open_loop(bare, [0], per_s, pages))
