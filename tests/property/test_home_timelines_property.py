"""Timelines and pulled posts change no answer: not while being built, delivered to, trimmed or
lost, and not while authors become celebrities and cease to be."""

import itertools
from collections.abc import Collection, Mapping, Sequence

from hypothesis import event, given
from hypothesis import strategies as st

from streams.agents.base import AgentDependencies
from streams.agents.delivery_tasks import delivery_of
from streams.agents.fanout import FanOut
from streams.caching.invalidating_sink import InvalidatingSink
from streams.caching.read_through import ReadThroughRows
from streams.contracts.events import AuthorTierChanged, DeliveryTask, Event, Tier
from streams.projections.tier_policy import TierLimits
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.context_loader import FeedContextLoader
from streams.serving.feed.feed_caches import FeedCaches
from streams.sinks.memory.feed_context import MemoryFeedContextReader
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.reader_activity import MemoryReaderActivity
from streams.sinks.memory.row_cache import MemoryRowCache
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.effects import CreatePost, Effects
from streams.views.rows import PostRow, Relations
from streams.views.store import Views
from streams.views.timeline_limits import TimelineLimits
from tests.oracle.validity import Event as Fields
from tests.oracle.views import Oracle
from tests.strategies import World, deliveries, networks
from tests.support.feed_events import feed
from tests.support.memory_side import memory_row_caches
from tests.support.served_answers import Served

_TINY = TimelineLimits(length=3, slack=2)
_STEPS = (
    *("take", "take", "take", "read", "interrupted", "all read", "all read"),
    *("flush", "restart", "pull set lost", "evicted"),
)


class _Line:
    """The posts worker over a store and a cache; `polls` are what it has still to take."""

    def __init__(self, polls: list[list[Fields]], limits: TierLimits) -> None:
        self.store = _Watched(self)
        self.memory_row_caches = MemoryRowCache(), MemoryRowCache()
        self.copies = memory_row_caches(*self.memory_row_caches)
        self.sink = InvalidatingSink(self.store, Views.of(self.store), self.copies)
        self.timelines = MemoryTimelineCache(shards=1, limits=_TINY)
        self.pulls = MemoryPullSet()
        self.polls = polls
        self.taken: list[Fields] = []
        self.tiers: list[Tier] = []
        hours = itertools.count(step=3600)  # followers are counted anew each time
        services = AgentDependencies(
            sink=self.sink,
            views=Views.of(self.store),
            timelines=self.timelines,
            pulls=self.pulls,
            lookup=lambda _: None,
            send=self._send,
            tier_limits=limits,
            inline_followers=1,
            delivery_page=1,
            clock=lambda: next(hours),
        )
        self._distribution = FanOut(services)

    def take(self) -> None:
        """One batch: durable rows first, then delivery to the end, page by page."""
        if not self.polls:
            return
        poll = self.polls.pop(0)
        self.taken += poll
        self.store.created.clear()
        feed(self.sink, [poll])
        posts: dict[int, list[int]] = {}
        for post in self.store.created:
            posts.setdefault(post.author_id, []).append(post.post_id)
        self._distribution.distribute(posts)

    def _send(self, events: Sequence[Event]) -> None:
        """The broker and the delivery worker, to the end."""
        for sent in events:
            match sent:
                case DeliveryTask():
                    left = delivery_of(sent)
                    while (more := self.timelines.deliver_page(left, limit=1)) is not None:
                        left = more
                case AuthorTierChanged():
                    self.tiers.append(sent.tier)


class _Watched(MemoryStore):
    """A store that lets the worker run in the middle of a reader's cold build."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line
        self.created: list[CreatePost] = []
        self.interruptions = 0

    def apply(self, effects: Effects) -> None:
        super().apply(effects)
        self.created += effects.create_posts

    def author_posts(
        self, authors: Collection[int], before: int | None, limit: int
    ) -> Mapping[int, Sequence[int]]:
        found = super().author_posts(authors, before, limit)
        self._interrupt()
        return found

    def pulled_authors(self) -> Mapping[int, int]:
        found = super().pulled_authors()
        self._interrupt()
        return found

    def posts(self, ids: Collection[int]) -> Mapping[int, PostRow]:
        found = super().posts(ids)
        self._interrupt()
        return found

    def relations(self, user: int) -> Relations:
        found = super().relations(user)
        self._interrupt()
        return found

    def _interrupt(self) -> None:
        if self.interruptions:
            left, self.interruptions = self.interruptions - 1, 0  # the worker reads, too
            self._line.take()
            self.interruptions = left


@given(data=st.data())
def test_home_feeds_with_timelines_are_what_the_oracle_answers(data: st.DataObject) -> None:
    world = data.draw(st.builds(World, population=st.integers(3, 5)))
    events = data.draw(networks(world, "posts", "follows", "blocks"))
    limits = TierLimits(
        budget=data.draw(st.integers(2, 8)), followers=data.draw(st.integers(2, 4)), relax=0.6
    )
    polls = data.draw(deliveries(events))
    if data.draw(st.booleans()):  # those who are followed already are pushed to
        polls.insert(0, [event for event in events if event["type"] == "UserFollowed"])
    line = _Line(polls, limits)
    durable = Views.of(line.store)
    celebrities = CelebrityCache(durable, line.pulls, recent=data.draw(st.integers(1, 3)))
    rows = ReadThroughRows(durable, line.copies)
    openings = MemoryFeedContextReader(line.copies.relations, line.timelines, line.pulls)
    context_loader = FeedContextLoader(
        rows, openings, readers=2
    )  # of others it forgets whom they follow
    caches = FeedCaches(
        line.timelines, celebrities, MemoryReaderActivity(), length=3, context_loader=context_loader
    )
    served = Served(durable._replace(rows=rows), caches=caches, page=2)
    readers = st.sampled_from(world.users)
    while line.polls:
        step = data.draw(st.sampled_from(_STEPS))
        match step:
            case "take":
                line.take()
            case "read":
                reader = data.draw(readers)
                assert served.home_walk(reader) == Oracle(line.taken).home_feed(reader)
            case "interrupted":
                # What arrives in the middle may or may not be in this answer; the next one has it.
                # One page: what comes after it may be hidden by what has just arrived.
                line.store.interruptions = data.draw(st.integers(1, 3))
                served.home_feed(data.draw(readers))
                line.store.interruptions = 0
            case "flush":
                for lost in (line.timelines, line.pulls, *line.memory_row_caches):
                    lost.flush()
            case "restart":
                for begun in (line.timelines, line.pulls, *line.memory_row_caches):
                    begun.restart()
            case "evicted":
                data.draw(st.sampled_from(line.memory_row_caches)).flush()
            case "pull set lost":
                line.pulls.flush()
            case "all read":
                for reader in world.users:
                    served.home_feed(reader)
    event(f"decisions: {min(len(line.tiers), 3)}")
    oracle = Oracle(line.taken)
    for reader in world.users:
        for _ in ("cold or warm", "surely warm"):
            assert served.home_walk(reader) == oracle.home_feed(reader, limit=1000)
