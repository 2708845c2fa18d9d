"""Deliveries of posts to followers' timelines: our delivery, sorted sets, a bare append.

A delivery is one post on one follower's timeline of 800 entries, trimming included. Authors' posts
come in batches, one author is followed by a tenth of the users, and a post has 7, 50 or 500 warm
followers in the mean. Kafka and Cassandra have no part in it: what is measured is what the workers
`posts` and `delivery` call, and what Redis does. By turns, in one process and on one server:

deliver      deliver() of each batch of 500 posts, then deliver_pages() until nothing is left
one by one   the same, each post a batch of its own: as where workers have nothing to catch up with
pipelined    ZADD and ZREMRANGEBYRANK for each, from redis-py in pipelines of 1,000 deliveries
scripted     the same in a script that is given the followers
append       an APPEND for each in such a script: the server's limit

`server` counts Redis's CPU seconds alone, `both` the client's as well. What several posts of a
batch have for one reader, `deliver` pushes at once: it also tells how many deliveries made a push,
and how long a call of the script took. Of the mean of 50, it does a sixteenth and a quarter of the
work as well: a delivery must not cost more where there are more.
"""

import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Final, NamedTuple

from redis import Redis

from bench.fanout_rivals import appended, fill_sorted_sets, fill_strings, pipelined, scripted
from bench.report import Report, by_turns
from bench.warm import Batch, Graph, Posting, posting, skewed, warm
from streams.app.settings import Settings
from streams.sinks.redis.client import connect
from streams.sinks.redis.timeline_cache import RedisTimelineCache

SERVERS: Final = ("redis",)
_BATCH: Final = 500
_GROWING: Final = 50
_AIM: Final = 500
_CHECKED: Final = 50
_ONE_BY_ONE: Final = 4
"""By how much fewer deliveries those are measured with."""
_UNIT: Final = "deliveries/CPU s"


class Size(NamedTuple):
    """How many users there are, how much is delivered in a run, and how often."""

    users: int
    authors: Mapping[int, int]
    """Mean of followers -> how many authors."""
    deliveries: int
    runs: int


_SIZES: Final = {
    "tiny": Size(6000, {7: 20, 50: 10, 500: 3}, 1000, 1),
    "small": Size(5000, {7: 5000, 50: 2000, 500: 200}, 100_000, 3),
    "full": Size(20_000, {7: 20_000, 50: 5000, 500: 1500}, 300_000, 3),
}


class _Rates(NamedTuple):
    """Deliveries per CPU second; deliveries in one push; milliseconds in one call of a script."""

    server: float
    both: float
    a_push: float
    a_call: float


def run(report: Report, size: str, settings: Settings) -> None:
    client = connect(settings.redis_host, settings.ports.redis)
    client.config_set("maxmemory", 0)  # sorted sets need more than the local stack allows
    for mean, authors in _SIZES[size].authors.items():
        client.flushall()
        _measure(report, client, settings, _SIZES[size], mean, authors)


def _measure(
    report: Report, client: Redis, settings: Settings, size: Size, mean: int, authors: int
) -> None:
    draw = random.Random(mean)
    graph = skewed(draw, size.users, authors, mean)
    timelines = warm(draw, client, graph)
    ours = partial(_deliver, timelines, settings)
    fill_sorted_sets(client, graph)
    fill_strings(client, graph)
    hours = count()

    def rates(deliver: Callable[[Batch], None], part: int = 1) -> _Rates:
        posts = max(1, size.deliveries // mean // part)
        return _rates(client, deliver, posting(draw, graph, posts, _BATCH, next(hours)))

    ways: dict[str, Callable[[Batch], None]] = {
        "deliver": ours,
        "pipelined": pipelined(client, graph),
        "scripted": scripted(client, graph),
        "append": appended(client, graph),
    }
    turns = {name: partial(rates, deliver) for name, deliver in ways.items()}
    one_by_one = partial(_one_by_one, timelines, settings)
    turns["one by one"] = partial(rates, one_by_one, _ONE_BY_ONE)
    by_turns(turns, 1)  # strings that were just stored grow at the first append
    told = by_turns(turns, size.runs)
    for name, found in told.items():
        report.figure(f"{mean} followers: {name}, server", _UNIT, *(one.server for one in found))
        report.figure(f"{mean} followers: {name}, both", _UNIT, *(one.both for one in found))
    for name in ("deliver", "one by one"):
        which, found = f"{mean} followers: {name}", told[name]
        report.figure(f"{which}, in a push", "deliveries", *(one.a_push for one in found))
        report.figure(f"{which}, a call", "ms", *(one.a_call for one in found))
    for batch in posting(draw, graph, _CHECKED, _BATCH, next(hours)).batches:
        ours(batch)
        _check(timelines, graph, batch)
    _judge(report, mean)
    if mean == _GROWING:
        _growth(report, partial(rates, ours), size.runs)


def _judge(report: Report, mean: int) -> None:
    def figure(name: str, counted: str) -> str:
        return f"{mean} followers: {name}, {counted}"

    aimed = mean == _AIM
    if aimed:
        report.goal(figure("deliver", "both"), at_least=300_000)
    for counted in ("server", "both"):
        report.ratio(
            figure("deliver", counted), figure("scripted", counted), at_least=3 if aimed else None
        )
    report.ratio(figure("deliver", "both"), figure("pipelined", "both"))
    report.ratio(
        figure("deliver", "server"), figure("append", "server"), at_least=0.6 if aimed else None
    )


def _growth(report: Report, rates: Callable[[int], _Rates], runs: int) -> None:
    for part, times in ((16, 1), (4, 4), (1, 16)):
        found = [rates(part).both for _ in range(runs)]
        report.figure(f"{_GROWING} followers: deliver, {times}x the work", _UNIT, *found)
    most, least = (f"{_GROWING} followers: deliver, {times}x the work" for times in (16, 1))
    report.ratio(most, least, at_least=0.9)


def _deliver(timelines: RedisTimelineCache, settings: Settings, batch: Batch) -> None:
    left = timelines.deliver(batch, settings.inline_followers)
    while left:
        left = timelines.deliver_pages(left, settings.delivery_page)


def _one_by_one(timelines: RedisTimelineCache, settings: Settings, batch: Batch) -> None:
    for author, posts in batch.items():
        for post in posts:
            _deliver(timelines, settings, {author: (post,)})


def _check(timelines: RedisTimelineCache, graph: Graph, batch: Batch) -> None:
    """What was measured does deliver, also to the last of an author's followers."""
    for author, posts in batch.items():
        for reader in (graph[author][0], graph[author][-1]):
            timeline = timelines.read(reader)
            assert timeline is not None
            assert set(posts) <= set(timeline.ids)


def _rates(client: Redis, deliver: Callable[[Batch], None], posts: Posting) -> _Rates:
    client.config_resetstat()
    server, own = server_cpu_s(client), time.process_time()
    for batch in posts.batches:
        deliver(batch)
    own = time.process_time() - own
    server = server_cpu_s(client) - server
    made, stats = posts.deliveries, client.info("commandstats")
    pushes = stats.get("cmdstat_append", {"calls": made})["calls"]
    call = stats.get("cmdstat_evalsha", {"usec_per_call": 0.0})["usec_per_call"] / 1000
    return _Rates(made / server, made / (server + own), made / pushes, call)


def server_cpu_s(client: Redis) -> float:
    """What the server has used since it started."""
    told = client.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])
