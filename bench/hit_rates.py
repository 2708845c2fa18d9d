"""How often reads find what they ask for in the caches, in a day of a network, by its followers.

The code that reads, delivers and drops copies, over stores in memory and by a clock of its own, so
that copies outlive their times as on a day, and the same is found each time. Every author posts
twice a day and tells one story, one author is followed by a tenth of all and is pulled. Each reader
comes ten times, at any hour: asks for a page of the home feed with the counts of its posts, and for
the story tray, looks at the first ten posts and at the stories of the first author, and likes a
post every third time; all of which changes what was copied. One process reads for everybody; the
first six hours are not counted.
"""

import logging
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count as numbers
from typing import Final, NamedTuple

import structlog

from bench.read import PAGE, plain_post
from bench.report import Report
from bench.warm import skewed
from streams.agents.base import AgentDependencies
from streams.agents.delivery_tasks import delivery_of
from streams.agents.fanout import FanOut
from streams.app.settings import Settings
from streams.caching.invalidating_sink import InvalidatingSink
from streams.caching.metrics import Cache, CacheMetrics
from streams.caching.read_through import ReadThroughRows
from streams.contracts.events import DeliveryTask, Event, Tier
from streams.contracts.ids import make_id
from streams.projections.tier_policy import TierLimits
from streams.serving import author_stories, home_feed, tray
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.context_loader import FeedContextLoader
from streams.serving.feed.feed_caches import FeedCaches
from streams.sinks.memory.feed_context import MemoryFeedContextReader
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.reader_activity import MemoryReaderActivity
from streams.sinks.memory.row_cache import MemoryRowCache
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.counts import CountKind
from streams.views.effects import (
    CreateStory,
    Effects,
    Relation,
    SeeContent,
    SetLike,
    SetRelation,
    Stamp,
)
from streams.views.row_cache import CachedRow, CacheLookup, RowCaches
from streams.views.store import Views

SERVERS: Final = ()
_START: Final = 1_735_689_600_000
_DAY: Final = 86_400_000
_UNCOUNTED: Final = _DAY // 4
_POSTS: Final = 2
_VISITS: Final = 10
_LOOKED_AT: Final = 10
_LIKED: Final = 1 / 3

_Reads = Counter[tuple[Cache, Tier, bool]]


class _Size(NamedTuple):
    """Users, and of how many followers in the mean how many authors there are."""

    users: int
    authors: Mapping[int, int]


_SIZES: Final = {
    "tiny": _Size(200, {7: 50}),
    "small": _Size(5_000, {7: 5_000, 50: 5_000, 250: 1_000}),
    "full": _Size(20_000, {7: 20_000, 50: 20_000, 500: 2_000}),
}


def run(report: Report, size: str, _: Settings) -> None:
    users, kinds = _SIZES[size]
    warnings = structlog.make_filtering_bound_logger(logging.WARNING)  # tiers change all the time
    structlog.configure(wrapper_class=warnings)
    for mean, authors in kinds.items():
        network = _Network(random.Random(mean), users, authors, mean)
        reads = network.day()
        name = f"{mean} followers"
        for cache in Cache:
            _rate(report, f"{name}, {cache}", [key for key in reads if key[0] is cache], reads)
        _rate(report, f"{name}, celebrities", [k for k in reads if k[1] is Tier.CELEBRITY], reads)
        _rate(report, f"{name}, all", reads, reads)
        report.goal(f"{name}, celebrities", at_least=99)
    report.goal(f"{max(kinds)} followers, all", at_least=95)


def _rate(
    report: Report, name: str, of: Collection[tuple[Cache, Tier, bool]], reads: _Reads
) -> None:
    """The share of hits among some reads."""
    if asked := sum(reads[key] for key in of):
        report.figure(name, "%", 100 * sum(reads[key] for key in of if key[2]) / asked)


class _Clock:
    """Ms since 1970."""

    now = _START

    def __call__(self) -> int:
        return self.now


class _ExpiringCache(MemoryRowCache):
    """A row cache whose rows expire by the simulated clock."""

    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self._clock = clock
        self._ends: dict[int, int] = {}

    def get(self, ids: Collection[int]) -> CacheLookup:
        for one in ids:
            if self._ends.get(one, self._clock.now) < self._clock.now:
                self.evict(one)
        return super().get(ids)

    def fill(self, token: bytes, copies: Mapping[int, CachedRow]) -> None:
        super().fill(token, copies)
        self._ends |= {one: self._clock.now + 1000 * copy.ttl_s for one, copy in copies.items()}


class _Network:
    """Everything that a post passes on its way to a page, and who asks for pages."""

    def __init__(self, draw: random.Random, users: int, authors: int, mean: int) -> None:
        self._draw = draw
        self._graph = skewed(draw, users, authors, mean)
        self._readers = sorted({reader for of in self._graph.values() for reader in of})
        self._sequence = numbers()
        clock = self._clock = _Clock()
        self._store = store = MemoryStore(clock=clock)
        copies = RowCaches(
            _ExpiringCache(clock),
            _ExpiringCache(clock),
            {kind: _ExpiringCache(clock) for kind in CountKind},
            _ExpiringCache(clock),
            _ExpiringCache(clock),
        )
        durable = Views.of(store)
        self._sink = InvalidatingSink(store, durable, copies)
        self._timelines, pulls = MemoryTimelineCache(shards=16), MemoryPullSet()
        self._metrics = CacheMetrics()
        rows = ReadThroughRows(durable, copies, self._metrics, clock=clock)
        self._views = durable._replace(rows=rows)
        self._caches = FeedCaches(
            self._timelines,
            CelebrityCache(durable, pulls, self._metrics),
            MemoryReaderActivity(lambda: clock.now / 1000),
            metrics=self._metrics,
            context_loader=FeedContextLoader(
                rows,
                MemoryFeedContextReader(copies.relations, self._timelines, pulls),
                readers=users,
            ),
        )
        self._distribution = FanOut(
            AgentDependencies(
                sink=self._sink,
                views=durable,
                timelines=self._timelines,
                pulls=pulls,
                lookup=lambda _: None,
                send=self._deliver,
                tier_limits=TierLimits(budget=users * users, followers=users // 10),
                inline_followers=max(1, users // 500),  # the largest are looked at for their tier
                delivery_page=users,
                clock=lambda: clock.now / 1000,
            )
        )
        for author, followers in self._graph.items():
            follows = [
                SetRelation(Relation.FOLLOW, one, author, Stamp(_START, 1)) for one in followers
            ]
            self._sink.apply(Effects(relations=follows))

    def day(self) -> _Reads:
        """What reads found, after the first hours."""
        before: _Reads = Counter()
        for at, whose, act in sorted(self._happenings()):
            if not before and at >= _UNCOUNTED:
                before = self._read()
            self._clock.now = _START + at
            (self._post, self._tell, self._visit)[act](whose)
        return self._read() - before

    def _happenings(self) -> Iterator[tuple[int, int, int]]:
        """When (ms of the day), by whom, and what: a post, a story or a visit."""
        for author in self._graph:
            for _ in range(_POSTS):
                yield self._draw.randrange(_DAY), author, 0
            yield self._draw.randrange(_DAY), author, 1
        for reader in self._readers:
            for _ in range(_VISITS):
                yield self._draw.randrange(_DAY), reader, 2

    def _post(self, author: int) -> None:
        post = self._id()
        self._sink.apply(Effects(create_posts=[plain_post(post, author)]))
        self._distribution.distribute({author: [post]})

    def _tell(self, author: int) -> None:
        story = self._id()
        ends = self._clock.now + _DAY
        self._sink.apply(
            Effects(create_stories=[CreateStory(story, author, story, "media", "", ends)])
        )

    def _visit(self, reader: int) -> None:
        found = home_feed(self._views, reader, limit=PAGE, caches=self._caches)
        shown = [post.post_id for post in found.posts]
        for kind in CountKind:
            self._views.rows.counts(kind, shown)
        looked_at = shown[:_LOOKED_AT]
        stories: Sequence[int] = ()
        entries = tray(self._views.rows, reader, self._clock.now).entries
        if entries and entries[0].unseen:
            first = entries[0].author_id
            told = author_stories(self._views.rows, first, self._clock.now, viewer=reader)
            stories = [story.story_id for story in told]
        likes = looked_at[:1] if self._draw.random() < _LIKED else ()
        self._sink.apply(
            Effects(
                views=[
                    *(SeeContent(post, reader, self._clock.now) for post in looked_at),
                    *(SeeContent(one, reader, self._clock.now, as_story=True) for one in stories),
                ],
                likes=[SetLike(post, reader, Stamp(self._clock.now, 1)) for post in likes],
            )
        )

    def _deliver(self, events: Sequence[Event]) -> None:
        for sent in events:
            if isinstance(sent, DeliveryTask):
                self._timelines.deliver_pages([delivery_of(sent)], len(self._readers))

    def _id(self) -> int:
        return make_id(self._clock.now, 1, next(self._sequence) % 4096)

    def _read(self) -> _Reads:
        found: _Reads = Counter()
        for cache in Cache:
            for tier in Tier:
                hits, misses = self._metrics.read(cache, tier)
                found[cache, tier, True], found[cache, tier, False] = hits, misses
        return found
