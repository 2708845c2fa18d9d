"""One celebrity's stories, which everybody asks for: Cassandra, more readers of it, the cache.

Why is a cache better than more readers of the store for a hot partition? All ask for the stories of
one author at the same time, each as another viewer, from one process each:

durable     Cassandra alone, one process
more        Cassandra alone, four processes: more readers, as replicas would serve them
copied      one process, copies in Redis in front
while       the same, while the celebrity makes a story every second, which drops the copy

The viewers' own blocks are asked for in any case, and are copied in the last two. CPU is that of
the readers and of both servers, by what the operating system counts for their processes.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import quantiles
from typing import Final, NamedTuple

import psutil

from bench.report import Report
from streams.app.migrate import migrate_views
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.app.stores import durable_views, row_caches
from streams.caching.invalidating_sink import InvalidatingSink
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.serving import author_stories
from streams.views.effects import CreateStory, Effects
from streams.views.store import ViewSink

SERVERS: Final = ("cassandra", "redis")
_CELEBRITY: Final = 7
_STORIES: Final = 10
_VIEWERS: Final = 50
_DAY: Final = 86_400_000
_MORE: Final = 4


class _Size(NamedTuple):
    seconds: float


_SIZES: Final = {"tiny": _Size(0.5), "small": _Size(10), "full": _Size(60)}


class _Read(NamedTuple):
    """What one reading process did."""

    reads: int
    cpu_s: float
    p50: float
    p99: float


def run(report: Report, size: str, settings: Settings) -> None:
    seconds = _SIZES[size].seconds
    mint = SnowflakeGenerator(3)
    migrate_views(settings, lambda _: None)
    with durable_views(settings) as store:
        sink = InvalidatingSink(store, store, row_caches(settings))
        sink.apply(Effects(create_stories=[_story(mint) for _ in range(_STORIES)]))
        _measured(report, settings, "durable", seconds, processes=1)
        _measured(report, settings, "more", seconds, processes=_MORE)
        _measured(report, settings, "copied", seconds, processes=1, copied=True)
        with _posting(sink, mint):
            _measured(report, settings, "while", seconds, processes=1, copied=True)
    for state in ("more", "copied", "while"):
        report.ratio(f"{state}: reads", "durable: reads")
        report.ratio(f"{state}: CPU a read", "durable: CPU a read")


def _story(mint: SnowflakeGenerator) -> CreateStory:
    story = mint.next_id()
    return CreateStory(story, _CELEBRITY, story, "media", "a caption", id_time(story) + _DAY)


@contextmanager
def _posting(sink: ViewSink, mint: SnowflakeGenerator) -> Iterator[None]:
    """A story every second, by the celebrity."""
    ended = threading.Event()

    def post() -> None:
        while not ended.wait(1):
            sink.apply(Effects(create_stories=[_story(mint)]))

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _measured(
    report: Report,
    settings: Settings,
    state: str,
    seconds: float,
    *,
    processes: int,
    copied: bool = False,
) -> None:
    before = _server_cpu(settings)
    command = (
        sys.executable,
        "-m",
        "bench.hot_partition",
        settings.model_dump_json(),
        str(seconds),
    )
    running = [
        subprocess.Popen([*command, str(copied)], stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    found = [_Read(*json.loads(process.communicate()[0])) for process in running]
    servers = sum(_server_cpu(settings).values()) - sum(before.values())
    reads = sum(one.reads for one in found)
    report.figure(f"{state}: reads", "1/s", reads / seconds)
    report.figure(f"{state}: p50", "ms", *(one.p50 for one in found))
    report.figure(f"{state}: p99", "ms", *(one.p99 for one in found))
    cpu = servers + sum(one.cpu_s for one in found)
    report.figure(f"{state}: CPU a read", "ms", 1000 * cpu / reads)


def _server_cpu(settings: Settings) -> dict[str, float]:
    """Seconds that each server has used."""
    return {
        program.name: sum(psutil.Process(program.pid).cpu_times()[:2])
        for program in local_stack(settings).status()
        if program.pid
    }


def _read(settings: Settings, seconds: float, copied: bool) -> _Read:
    """Ask for the celebrity's stories, one time after the other."""
    with open_read_side(settings) as side:
        views = side.views if copied else side.durable
        waits: list[float] = []
        ends = None
        while ends is None or time.perf_counter() < ends:
            for viewer in range(100, 100 + _VIEWERS):
                began = time.perf_counter()
                now = time.time_ns() // 1_000_000
                stories = author_stories(views, _CELEBRITY, now, viewer=viewer)
                assert len(stories) >= _STORIES
                waits.append(1000 * (time.perf_counter() - began))
            if ends is None:  # the first round connects and fills in copies
                waits.clear()
                cpu, ends = time.process_time(), time.perf_counter() + seconds
        return _result(waits, time.process_time() - cpu)


def _result(waits: Sequence[float], cpu_s: float) -> _Read:
    percents = quantiles(waits, n=100)
    return _Read(len(waits), cpu_s, percents[49], percents[98])


if __name__ == "__main__":
    given = Settings.model_validate_json(sys.argv[1])
    print(json.dumps(_read(given, float(sys.argv[2]), sys.argv[3] == "True")))
