"""Counts of a content, small and very large, while its likes and views go on; and folding views.

A warm answer comes from copies in Redis, a cold one is counted in Cassandra. Batches of likes and
views of one giant are applied as the worker does it, with and without anybody who asks: who asks
makes it held, and then its new counts take the place of the old ones. Batches of views of all
others find their copies, into which they are put, or none. `folded` is what a worker does with
views before the stores: decode, judge, project.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count as numbers
from itertools import cycle, islice
from statistics import median
from typing import Final, NamedTuple

from bench.events import KINDS
from bench.read import latencies, open_loop, plain_post
from bench.report import Report
from streams.app.migrate import migrate_views
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.stores import durable_views, row_caches
from streams.caching.invalidating_sink import InvalidatingSink
from streams.contracts.catalog import schemas
from streams.contracts.decoder import decode_and_validate
from streams.contracts.ids import make_id
from streams.contracts.records import Records
from streams.projections.engagement import project_views
from streams.projections.projection import NO_FACTS
from streams.runtime.consumer.raw_batch import RawBatch
from streams.serving import counts
from streams.sinks.cassandra.session import parts
from streams.sinks.redis.client import connect
from streams.views.effects import Effects, SeeContent, SetLike, Stamp
from streams.views.store import RowReader, Views, ViewSink

SERVERS: Final = ("cassandra", "redis")
_NOW: Final = 1_735_689_600_000
_AUTHOR: Final = 1
_BATCH: Final = 2_000
_USUAL: Final = 100
"""Likes and views of a content that is no giant."""
_SHARE: Final = 0.5


class _Size(NamedTuple):
    """Likes and views of the giant, of how many contents beside it counts are asked, how often,
    batches applied to the giant, and views folded."""

    giant: int
    contents: int
    questions: int
    batches: int
    folded: int


_SIZES: Final = {
    "tiny": _Size(2_000, 5, 20, 2, 10_000),
    "small": _Size(100_000, 200, 2_000, 10, 1_000_000),
    "full": _Size(1_000_000, 1_000, 20_000, 20, 2_000_000),
}


def run(report: Report, size: str, settings: Settings) -> None:
    giant_size, contents, questions, batches, folded = _SIZES[size]
    giant, *others = [make_id(_NOW + place) for place in range(contents + 1)]
    migrate_views(settings, lambda _: None)
    client = connect(settings.redis_host, settings.ports.redis)
    with durable_views(settings) as store, open_read_side(settings) as side:
        sink = InvalidatingSink(store, Views.of(store), row_caches(settings))
        users = numbers(1)
        _fill(store, [giant, *others], giant_size, users)
        usual, large = partial(counts, side.views.rows), partial(_counted, side.views.rows, giant)
        report.figure("counts, cold: of a giant", "ms", *_timed(lambda _: large(), [0]))
        report.figure("counts, cold: usual", "ms", *_timed(usual, others))
        client.flushall()
        for one in others:
            usual(one)
        per_s = _SHARE * len(others) / (sum(_timed(usual, others)) / 1000)
        report.figure("counts, warm, rate", "1/s", per_s)
        latencies(report, "counts, warm", open_loop(usual, others, per_s, questions))

        report.figure("views of others, copies there", "ms", *_spread(sink, others, users, batches))
        client.flushall()
        report.figure("views of others, nobody asks", "ms", *_spread(sink, others, users, batches))

        report.figure("batch, nobody asks", "ms", *_bursts(sink, giant, users, batches))
        large()
        report.figure("batch that loads the members", "ms", *_bursts(sink, giant, users, 1))
        report.figure("batch, held", "ms", *_bursts(sink, giant, users, batches))
        before = client.info("commandstats")
        _bursts(sink, giant, users, 1)
        after = client.info("commandstats")
        report.figure("writes to Redis a held batch", "", _writes(after) - _writes(before))
        waits = [large() for _ in range(min(questions, 500))]
        report.figure("counts, warm: of a giant", "ms", median(waits))
    report.figure("views folded", "events/CPU s", *(_folded(folded) for _ in range(3)))
    report.ratio("batch, held", "batch, nobody asks")
    report.goal("counts, warm: p50", at_most=2)
    report.goal("counts, warm: p99", at_most=10)
    report.goal("views folded", at_least=150_000)


def _fill(store: ViewSink, contents: Sequence[int], giant: int, users: Iterator[int]) -> None:
    posts = [plain_post(one, _AUTHOR) for one in contents]
    store.apply(Effects(create_posts=posts))
    for rank, one in enumerate(contents):
        for some in parts(islice(users, _USUAL if rank else giant), _BATCH):
            store.apply(_engagement(one, some))


def _engagement(content: int, users: Sequence[int]) -> Effects:
    return Effects(
        likes=[SetLike(content, user, Stamp(_NOW, 1)) for user in users],
        views=[SeeContent(content, user, _NOW) for user in users],
    )


def _counted(rows: RowReader, content: int) -> float:
    """How long counts take (ms); likes and views must be those of the same users."""
    began = time.perf_counter()
    found = counts(rows, content)
    took = 1000 * (time.perf_counter() - began)
    assert abs(found.views / found.likes - 1) < 0.02
    return took


def _timed(ask: Callable[[int], object], whom: Sequence[int]) -> list[float]:
    """Milliseconds of one after the other."""
    waits = []
    for one in whom:
        began = time.perf_counter()
        ask(one)
        waits.append(1000 * (time.perf_counter() - began))
    return waits


def _bursts(sink: ViewSink, content: int, users: Iterator[int], batches: int) -> list[float]:
    """Milliseconds of batches of likes and views that all concern one content."""
    made = [_engagement(content, list(islice(users, _BATCH))) for _ in range(batches)]
    return _timed(lambda place: sink.apply(made[place]), range(batches))


def _spread(
    sink: ViewSink, contents: Sequence[int], users: Iterator[int], batches: int
) -> list[float]:
    """Milliseconds of batches of views, each of the next content by another user."""
    made = [
        Effects(
            views=[
                SeeContent(content, user, _NOW)
                for content, user in zip(cycle(contents), islice(users, _BATCH), strict=False)
            ]
        )
        for _ in range(batches)
    ]
    return _timed(lambda place: sink.apply(made[place]), range(batches))


def _writes(stats: dict[str, dict[str, int]]) -> int:
    commands = ("cmdstat_set", "cmdstat_unlink")
    return sum(stats.get(command, {}).get("calls", 0) for command in commands)


def _folded(events: int) -> float:
    """Views a CPU second from values as they are fetched to effects, in batches as they come."""
    kind = KINDS["views"]
    text, now = json.dumps(schemas()[kind.record_type]), time.time_ns() // 1_000_000
    keys, values = zip(*islice(kind.messages(300), _BATCH * 5), strict=True)
    size = len(values)
    times, headers = [now] * size, [()] * size
    batch = RawBatch(kind.topic, 0, range(size), times, list(keys), list(values), headers)
    began, left = time.process_time(), events
    while left > 0:
        found, rejected = decode_and_validate(Records.joined([batch]), kind.topic, {300: text}.get)
        assert not rejected
        left -= len(project_views(found, NO_FACTS).effects.views)
    return (events - left) / (time.process_time() - began)
