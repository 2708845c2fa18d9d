"""A story tray whose copies are there, beside one round trip to Redis for as many bytes.

Readers follow 50 or 300 authors, one in five of whom has three stories; the reader has seen some.
Trays are asked in an open loop, that is at a steady rate and timed from when each was due, at a
rate that takes half of the time that asking one after the other takes. `durable` asks Cassandra
alone for the same trays.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import orjson

from bench.read import latencies, open_loop
from bench.report import Report
from streams.app.migrate import migrate_views
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.stores import durable_views
from streams.contracts.ids import make_id
from streams.serving import tray
from streams.serving.responses import Tray, to_json
from streams.sinks.cassandra.session import parts
from streams.sinks.redis.client import connect
from streams.views.effects import CreateStory, Effects, Relation, SeeContent, SetRelation, Stamp
from streams.views.store import RowReader, ViewSink

SERVERS: Final = ("cassandra", "redis")
_READER: Final = 1_000_000
_FOLLOWEES: Final = (50, 300)
_STORIES: Final = 3
_ONE_IN: Final = 5
_SEEN: Final = 0.5
_BATCH: Final = 2_000
_SHARE: Final = 0.5
_HOUR: Final = 3_600_000


class _Size(NamedTuple):
    readers: int
    trays: int


_SIZES: Final = {"tiny": _Size(3, 20), "small": _Size(100, 2_000), "full": _Size(500, 20_000)}


def run(report: Report, size: str, settings: Settings) -> None:
    count, trays = _SIZES[size]
    now = time.time_ns() // 1_000_000
    migrate_views(settings, lambda _: None)
    client = connect(settings.redis_host, settings.ports.redis)
    with durable_views(settings) as store, open_read_side(settings) as side:
        _fill(store, now, count)
        for rank, followees in enumerate(_FOLLOWEES):
            readers = _readers(rank, count)
            warm, durable = partial(_tray, side.views.rows, now), partial(_tray, store, now)
            assert [warm(reader) for reader in readers] == [durable(reader) for reader in readers]
            name = f"tray of {followees} followees"
            per_s = _measured(report, name, warm, readers, trays)
            few = readers[:20]
            _measured(report, f"{name}, durable", durable, few, max(20, trays // 20))
            report.goal(f"{name}: p99", at_most=10)
        for reader in readers:
            client.set(f"tray:{reader}", orjson.dumps(to_json(warm(reader))))

        def bare(reader: int) -> None:
            assert client.get(f"tray:{reader}")

        latencies(report, "bare round trip", open_loop(bare, readers, per_s, trays))
    report.goal(f"tray of {_FOLLOWEES[0]} followees: p50", at_most=2)


def _measured(
    report: Report, name: str, ask: Callable[[int], object], readers: Sequence[int], trays: int
) -> float:
    """Measure trays; the rate (1/s) at which they were asked for."""
    began = time.perf_counter()
    for reader in readers:
        ask(reader)
    per_s = _SHARE * len(readers) / (time.perf_counter() - began)
    report.figure(f"{name}, rate", "1/s", per_s)
    latencies(report, name, open_loop(ask, readers, per_s, trays))
    return per_s


def _tray(rows: RowReader, now: int, reader: int) -> Tray:
    found = tray(rows, reader, now)
    assert found.entries
    return found


def _readers(rank: int, count: int) -> range:
    return range(_READER * (rank + 1), _READER * (rank + 1) + count)


def _fill(store: ViewSink, now: int, count: int) -> None:
    draw, authors = random.Random(2), range(1, max(_FOLLOWEES) + 1)
    stories = {
        author: [make_id(now - draw.randrange(20 * _HOUR)) + author for _ in range(_STORIES)]
        for author in authors[::_ONE_IN]
    }
    made = [
        CreateStory(story, author, story, "media", "a caption of some words", now + _HOUR)
        for author, ids in stories.items()
        for story in ids
    ]
    store.apply(Effects(create_stories=made))
    for rank, followees in enumerate(_FOLLOWEES):
        readers = _readers(rank, count)
        for follows in parts(_follows(readers, authors[:followees]), _BATCH):
            store.apply(Effects(relations=follows))
        shown = [story for author in authors[:followees] for story in stories.get(author, ())]
        for views in parts(_views(draw, readers, shown, now), _BATCH):
            store.apply(Effects(views=views))


def _follows(readers: Sequence[int], authors: Sequence[int]) -> Iterator[SetRelation]:
    for reader in readers:
        for author in authors:
            yield SetRelation(Relation.FOLLOW, reader, author, Stamp(1, author))


def _views(
    draw: random.Random, readers: Sequence[int], stories: Sequence[int], now: int
) -> Iterator[SeeContent]:
    for reader in readers:
        for story in stories:
            if draw.random() < _SEEN:
                yield SeeContent(story, reader, now, as_story=True)
