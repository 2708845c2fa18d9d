"""A post by an author with a million followers, and what others' posts wait meanwhile.

Everybody has a warm timeline of 50 to 100 entries and follows the giant; a thousand small authors
have 50 of them each. Kafka and Cassandra have no part in it: what is timed are the calls of the
workers `posts` and `delivery`, whose inline share and page are those of the settings.

giant, alone     from the call that begins its delivery to the end of the last page
a call           of the script, in the server, meanwhile: it is meant to stay under 2 ms
small, alone     posts of small authors at a steady rate (open loop: timed from when each was due)
small, beside    the same, while a process of its own delivers one post of the giant after another

All of it is by the clock, so it wants a machine that does nothing else.
"""

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import quantiles
from typing import Final, NamedTuple

from redis import Redis

from bench.report import Report
from bench.warm import LIMITS, SHARDS, VERSION, copies, enlist
from streams.app.settings import Settings
from streams.contracts.ids import SnowflakeGenerator
from streams.sinks.redis.client import connect
from streams.sinks.redis.timeline_cache import RedisTimelineCache

SERVERS: Final = ("redis",)
_FOLLOWERS_OF_SMALL: Final = 50
_SHORTEST: Final = 50
_SLOW_US: Final = 100
_LOGGED: Final = 10_000
"""Calls that the server remembers if they take longer."""
_PER_S: Final = 200
"""Posts of small authors a second: a fraction of what one worker can deliver."""


class _Size(NamedTuple):
    followers: int
    authors: int
    posts: int
    """Of small authors, in each of the two states."""
    runs: int


_SIZES: Final = {
    "tiny": _Size(2_000, 10, 40, 1),
    "small": _Size(100_000, 1_000, 1_000, 3),
    "full": _Size(1_000_000, 1_000, 4_000, 5),
}


def run(report: Report, size: str, settings: Settings) -> None:
    followers, authors, posts, runs = _SIZES[size]
    draw, everyone = random.Random(1), range(1, _SIZES[size].followers + 1)
    client = connect(settings.redis_host, settings.ports.redis)
    client.config_set("maxmemory", 0)  # a million timelines take more than the local stack allows
    copies(client, everyone, _SHORTEST)
    small = range(10 * followers, 10 * followers + authors)
    for author in small:
        enlist(client, author, draw.sample(everyone, _FOLLOWERS_OF_SMALL))
    giant = 20 * followers
    enlist(client, giant, everyone)
    line = Line(settings, node=1)
    line.giant(giant)  # strings that were just stored grow at the first append
    client.config_set("slowlog-max-len", _LOGGED)
    client.config_set("slowlog-log-slower-than", _SLOW_US)
    client.config_resetstat()
    client.slowlog_reset()
    report.figure(
        f"giant of {followers:,}, alone: to the last",
        "s",
        *(line.giant(giant) for _ in range(runs)),
    )
    report.goal(f"giant of {followers:,}, alone: to the last", at_most=3.5)
    _calls(report, client)
    waits = {"alone": line.small(draw, small, posts)}
    with _giants_in_another_process(settings, giant):
        waits["beside"] = line.small(draw, small, posts)
    for state, found in waits.items():
        percents = quantiles(found, n=100)
        report.figure(f"small, {state}: p50", "ms", percents[49])
        report.figure(f"small, {state}: p99", "ms", percents[98])
    report.ratio("small, beside: p99", "small, alone: p99", at_most=1.5)


def _calls(report: Report, client: Redis) -> None:
    """How long calls of the delivery script took, for nobody else is served meanwhile."""
    stats = client.info("commandstats")["cmdstat_evalsha"]
    report.figure("a call of the script: mean", "ms", stats["usec_per_call"] / 1000)
    logged = sorted(one["duration"] for one in client.slowlog_get(_LOGGED))
    for name, share in (("99 of 100", 0.99), ("999 of 1,000", 0.999), ("longest", 1.0)):
        most = logged[min(int(share * len(logged)), len(logged) - 1)] if logged else _SLOW_US
        report.figure(f"a call of the script: {name}", "ms", most / 1000)
    report.goal("a call of the script: longest", at_most=2)


class Line:
    """What the workers `posts` and `delivery` call, one after the other."""

    def __init__(self, settings: Settings, node: int) -> None:
        client = connect(settings.redis_host, settings.ports.redis)
        self._timelines = RedisTimelineCache(client, version=VERSION, shards=SHARDS, limits=LIMITS)
        self._inline, self._page = settings.inline_followers, settings.delivery_page
        self._mint = SnowflakeGenerator(node).next_id

    def giant(self, author: int) -> float:
        """Deliver a post to the last follower, a page of every shard at a time; seconds."""
        began = time.perf_counter()
        left = self._timelines.deliver({author: [self._mint()]}, self._inline)
        while left:
            left = self._timelines.deliver_pages(left, self._page)
        return time.perf_counter() - began

    def small(self, draw: random.Random, authors: Sequence[int], posts: int) -> Sequence[float]:
        """Deliver posts at a steady rate, those that are due at a time together; milliseconds from
        when each was due."""
        began, waits = time.perf_counter(), list[float]()
        while len(waits) < posts:
            due = began + len(waits) / _PER_S
            time.sleep(max(0.0, due - time.perf_counter()))
            late = int((time.perf_counter() - due) * _PER_S)
            dues = [due + place / _PER_S for place in range(min(late + 1, posts - len(waits)))]
            batch: dict[int, list[int]] = {}
            for _ in dues:
                batch.setdefault(draw.choice(authors), []).append(self._mint())
            assert not self._timelines.deliver(batch, _FOLLOWERS_OF_SMALL)
            now = time.perf_counter()
            waits += [1000 * (now - each) for each in dues]
        return waits


@contextmanager
def _giants_in_another_process(settings: Settings, author: int) -> Iterator[None]:
    """One post of the giant after another, as long as this lasts."""
    command = [sys.executable, "-m", "bench.giant", settings.model_dump_json(), str(author)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it has begun
            yield
            assert process.poll() is None, "the giant's deliveries ended early"
        finally:
            process.kill()


def _deliver_for_ever(settings: Settings, author: int) -> None:
    line = Line(settings, node=2)
    print("begins", flush=True)
    while True:
        line.giant(author)


if __name__ == "__main__":
    _deliver_for_ever(Settings.model_validate_json(sys.argv[1]), int(sys.argv[2]))
