"""Authors who become celebrities and cease to be, over and over: no feed lacks or repeats a post.

Limits are so low that nearly every post changes a tier. The model is a dict: who follows whom, and
who wrote what. A post counts once the worker has finished with it.
"""

from collections.abc import Sequence
from typing import Any

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from streams import serving
from streams.agents.base import AgentDependencies
from streams.agents.delivery_tasks import delivery_of
from streams.agents.fanout import FanOut
from streams.caching.invalidating_sink import InvalidatingSink
from streams.caching.read_through import ReadThroughRows
from streams.contracts.events import AuthorTierChanged, DeliveryTask, Event, Tier
from streams.contracts.ids import make_id
from streams.projections.tier_policy import TierLimits
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.feed_caches import FeedCaches
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.reader_activity import MemoryReaderActivity
from streams.sinks.memory.row_cache import MemoryRowCache
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.effects import CreatePost, Effects, Relation, SetRelation, Stamp
from streams.views.store import Views
from streams.views.timeline_limits import TimelineLimits
from tests.support.memory_side import memory_row_caches
from tests.support.profiles import scaled

AUTHORS = (1, 2, 3)
READERS = (11, 12, 13, 14)
START_MS = 1_735_689_600_000
QUARTER_MS = 900_000
LENGTH = 4

authors = st.sampled_from(AUTHORS)
readers = st.sampled_from(READERS)
steps = st.sampled_from((0, 0, 1, 1, 2, 5))
"""Quarters of an hour from one batch to the next."""
offsets = st.lists(st.sampled_from((0, 0, 1, 1, 2, 3, 9)), min_size=1, max_size=4)
"""How late posts are, in quarters of an hour."""


class CrashError(Exception):
    """The worker dies here."""


class TierMachine(RuleBasedStateMachine):
    """The posts worker, its stores, and people who read meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.memory_row_caches = MemoryRowCache(), MemoryRowCache()
        copies = memory_row_caches(*self.memory_row_caches)
        self.durable = Views.of(self.store)
        self.sink = InvalidatingSink(self.store, self.durable, copies)
        self.views = self.durable._replace(rows=ReadThroughRows(self.durable, copies))
        self.timelines = MemoryTimelineCache(
            shards=1, limits=TimelineLimits(length=LENGTH, slack=2)
        )
        self.pulls = MemoryPullSet()
        self.follows = {reader: set(AUTHORS) for reader in READERS}
        self.written: dict[int, set[int]] = {author: set() for author in AUTHORS}
        self.unfinished: list[tuple[int, list[int]]] = []
        self.told: list[AuthorTierChanged] = []
        self.crash_after: int | None = None
        self.changes = 0
        self.now = 20
        for reader in READERS:
            for author in AUTHORS:
                self._relate(reader, author, ended=False)

    @initialize(budget=st.integers(3, 12), followers=st.integers(3, 6), inline=st.integers(1, 2))
    def begin(self, budget: int, followers: int, inline: int) -> None:
        services = AgentDependencies(
            sink=self.sink,
            views=self.durable,
            timelines=self.timelines,
            pulls=self.pulls,
            lookup=lambda _: None,
            send=self._send,
            tier_limits=TierLimits(budget=budget, followers=followers, relax=0.7),
            inline_followers=inline,
            delivery_page=1,
            clock=self._clock,
        )
        self.distribution = FanOut(services)
        celebrities = CelebrityCache(self.durable, self.pulls, recent=2)
        self.caches = FeedCaches(self.timelines, celebrities, MemoryReaderActivity(), length=LENGTH)
        self._read_all()

    def _clock(self) -> float:
        self.changes += 1
        return self.changes * 3600.0  # followers are counted anew each time

    def _send(self, events: Sequence[Event]) -> None:
        for sent in events:
            if self.crash_after is not None:
                self.crash_after -= 1
                if self.crash_after < 0:
                    raise CrashError
            match sent:
                case DeliveryTask():
                    left = delivery_of(sent)
                    while (more := self.timelines.deliver_page(left, limit=1)) is not None:
                        left = more
                case AuthorTierChanged():
                    self.told.append(sent)

    def _relate(self, reader: int, author: int, *, ended: bool) -> None:
        self.changes += 1
        stamp = Stamp(START_MS, self.changes, ended)
        self.sink.apply(Effects(relations=[SetRelation(Relation.FOLLOW, reader, author, stamp)]))

    def _ids(self, author: int, step: int, late: list[int]) -> list[int]:
        self.now += step
        at = {START_MS + (self.now - quarters) * QUARTER_MS for quarters in late}
        return sorted(make_id(instant) + author for instant in at)

    def _distribute(self, author: int, ids: list[int]) -> None:
        self.sink.apply(Effects(create_posts=[_post(author, post) for post in ids]))
        self.distribution.distribute({author: ids})
        self.written[author].update(ids)

    # What happens.

    @rule(author=authors, step=steps, late=offsets)
    def post(self, author: int, step: int, late: list[int]) -> None:
        self._distribute(author, self._ids(author, step, late))

    @rule(author=authors, step=steps, late=offsets, after=st.integers(0, 2))
    def die(self, author: int, step: int, late: list[int], after: int) -> None:
        """The worker dies on the way; its batch comes again later."""
        ids, self.crash_after = self._ids(author, step, late), after
        try:
            self._distribute(author, ids)
        except CrashError:
            self.unfinished.append((author, ids))
        finally:
            self.crash_after = None

    @rule()
    def come_back(self) -> None:
        for author, ids in self.unfinished:
            self._distribute(author, ids)
        self.unfinished.clear()

    @rule(reader=readers, author=authors)
    def toggle(self, reader: int, author: int) -> None:
        self._relate(reader, author, ended=author in self.follows[reader])
        self.follows[reader] ^= {author}

    @rule(reader=readers)
    def evict(self, reader: int) -> None:
        self.timelines.evict(reader)

    @rule(part=st.sampled_from(("all", "pull set", "restart")))
    def lose(self, part: str) -> None:
        match part:
            case "all":
                for lost in (self.timelines, self.pulls, *self.memory_row_caches):
                    lost.flush()
            case "pull set":
                self.pulls.flush()
            case "restart":
                for begun in (self.timelines, self.pulls, *self.memory_row_caches):
                    begun.restart()

    @rule()
    def _read_all(self) -> None:
        for reader in READERS:
            self._read(reader)

    @rule(reader=readers)
    def read(self, reader: int) -> None:
        self._read(reader)

    def _read(self, reader: int) -> None:
        """Page by page; what is unfinished may or may not be there."""
        maybe = {post for _, ids in self.unfinished for post in ids}
        right = [post for author in self.follows[reader] for post in self.written[author] - maybe]
        found = [post for post in self._walk(reader) if post not in maybe]
        assert found == sorted(right, reverse=True)

    def _walk(self, reader: int) -> list[int]:
        found: list[int] = []
        before = None
        while True:
            page = serving.home_feed(self.views, reader, before=before, limit=3, caches=self.caches)
            assert page.complete
            found += [post.post_id for post in page.posts]
            if (before := page.next_before) is None:
                return found

    # What holds.

    @invariant()
    def decisions_are_told_before_they_stand(self) -> None:
        told = {(change.author_id, change.event_id): change for change in self.told}
        for author, standing in self.store.tiers(AUTHORS).items():
            assert told[author, standing.stamp.event_id].tier is standing.tier

    def teardown(self) -> None:
        if hasattr(self, "caches"):
            self.come_back()
            self._read_all()
        kinds = {(change.previous_tier, change.tier) for change in self.told}
        event(f"up: {any(up is Tier.CELEBRITY for _, up in kinds)}")
        event(f"down: {any(before is Tier.CELEBRITY for before, _ in kinds)}")


def _post(author: int, post_id: int) -> CreatePost:
    links: dict[str, Any] = dict.fromkeys(
        ("reply_to", "reply_to_author", "repost_of", "repost_of_author")
    )
    return CreatePost(post_id, author, post_id, "", (), (), (), **links)


def test_no_feed_depends_on_tiers() -> None:
    run_state_machine_as_test(
        TierMachine,
        settings=settings(max_examples=scaled(150), stateful_step_count=40, deadline=None),
    )
