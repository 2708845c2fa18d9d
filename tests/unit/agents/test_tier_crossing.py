"""An author who becomes a celebrity and ceases to be one, again and again: no feed notices."""

import itertools
from collections.abc import Sequence

import pytest

from streams.agents.base import AgentDependencies
from streams.agents.delivery_tasks import delivery_of
from streams.agents.fanout import FanOut
from streams.contracts.events import AuthorTierChanged, DeliveryTask, Event, Tier
from streams.contracts.ids import make_id
from streams.projections.tier_policy import TierLimits
from streams.serving import home_feed
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.feed_caches import FeedCaches
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.reader_activity import MemoryReaderActivity
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.effects import Effects, Relation, SetRelation, Stamp
from streams.views.store import Views
from streams.views.timeline_cache import Delivery
from streams.views.timeline_limits import TimelineLimits
from tests.contract.store_events import Scope

AUTHOR, READERS = 1, range(10, 16)
START, HOUR, MINUTE = 1_735_689_600_000, 3_600_000, 60_000
BURST = 4
LIMITS = TierLimits(budget=len(READERS) * BURST, followers=1000, relax=0.5)
LENGTH = 30


class World:
    """The posts worker; deliveries that it hands on wait until they are asked for."""

    def __init__(self) -> None:
        self.store, self.pulls = MemoryStore(), MemoryPullSet()
        limits = TimelineLimits(length=LENGTH, slack=5)
        self.timelines = MemoryTimelineCache(shards=1, limits=limits)
        hours = itertools.count(step=3600)
        self._distribution = FanOut(
            AgentDependencies(
                sink=self.store,
                views=Views.of(self.store),
                timelines=self.timelines,
                pulls=self.pulls,
                lookup=lambda _: None,
                send=self._send,
                tier_limits=LIMITS,
                inline_followers=1,
                delivery_page=1,
                clock=lambda: next(hours),
            )
        )
        celebrities = CelebrityCache(Views.of(self.store), self.pulls, recent=10)
        self.caches = FeedCaches(self.timelines, celebrities, MemoryReaderActivity(), length=LENGTH)
        self.written: list[int] = []
        self.waiting: list[Delivery] = []
        self.tiers: list[Tier] = []
        self.store.apply(
            Effects(
                relations=[
                    SetRelation(Relation.FOLLOW, reader, AUTHOR, Stamp(1, reader))
                    for reader in READERS
                ]
            )
        )

    def _send(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case DeliveryTask():
                    self.waiting.append(delivery_of(event))
                case AuthorTierChanged():
                    self.tiers.append(event.tier)

    def post(self, at: int) -> None:
        post_id = make_id(at)
        self.written.insert(0, post_id)
        self.store.apply(Effects(create_posts=[Scope(0).post(post_id, AUTHOR, post_id)]))
        self._distribution.distribute({AUTHOR: [post_id]})

    def deliver(self, pages: int) -> None:
        """So many pages of what waits, the newest task first: those before it are still away."""
        for _ in range(pages):
            if self.waiting:
                rest = self.timelines.deliver_page(self.waiting.pop(), limit=1)
                if rest is not None:
                    self.waiting.append(rest)

    def feed(self, reader: int) -> list[int]:
        page = home_feed(Views.of(self.store), reader, limit=1000, caches=self.caches)
        assert page.complete
        return [post.post_id for post in page.posts]

    def settle(self) -> None:
        while self.waiting:
            self.deliver(1)

    def compare(self) -> None:
        for reader in READERS:
            assert self.feed(reader) == self.written


@pytest.mark.slow
def test_up_and_down_a_hundred_times() -> None:
    world, now = World(), START
    world.compare()
    for _ in range(100):
        for _ in range(BURST):
            now += MINUTE
            world.post(now)
        assert world.tiers[-1] is Tier.CELEBRITY
        world.settle()
        world.compare()
        now += 2 * HOUR
        world.post(now)
        assert world.tiers[-1] is not Tier.CELEBRITY
        world.settle()
        world.compare()
    assert world.tiers.count(Tier.CELEBRITY) == 100


def test_on_the_border_a_tier_stays_what_it_is() -> None:
    world, now = World(), START
    world.compare()  # who is pushed to must be warm
    for pause in ([17] * 4 + [25] * 4) * 25:  # four posts an hour make a celebrity, three keep one
        now += pause * MINUTE
        world.post(now)
        world.settle()
    world.compare()
    assert world.tiers.count(Tier.CELEBRITY) == 1


def test_a_change_in_the_middle_of_a_delivery_loses_and_repeats_nothing() -> None:
    """Posts that are still being pushed, and posts that are pulled already, at the same time."""
    world, now = World(), START
    world.compare()
    for turn in range(40):
        for _ in range(BURST):
            now += MINUTE
            world.post(now)
            world.deliver(turn % 4)
            for reader in READERS:
                found = world.feed(reader)
                assert found == sorted(set(found), reverse=True)
                assert set(world.written) - set(found) <= {one.post_id for one in world.waiting}
        now += 2 * HOUR
        world.post(now)
    assert Tier.CELEBRITY in world.tiers
    world.settle()
    world.compare()
