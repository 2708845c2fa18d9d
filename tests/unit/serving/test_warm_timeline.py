"""Builds and refits of a timeline lose no post that arrives while they run."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

import pytest

from streams.caching.metrics import Cache
from streams.contracts.events import Tier
from streams.serving import home_feed
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.effects import Effects, Relation, SetRelation, Stamp
from streams.views.store import Enough, Recent, Views
from streams.views.timeline_limits import TimelineLimits
from tests.contract.store_events import Scope
from tests.support.memory_side import feed_caches

READER, ANN, BOB, EVE = 1, 2, 3, 4
LENGTH = 4


class Store(MemoryStore):
    """Notes what it is asked for; does something once when it has read posts."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[int]] = []
        self.down_to: list[int] = []
        self.then: Callable[[], None] | None = None

    def recent_posts(
        self, authors: Collection[int], before: int | None, limit: int, enough: Enough
    ) -> Recent:
        self.asked.append(set(authors))
        self.down_to.append(enough.down_to)
        found = super().recent_posts(authors, before, limit, enough)
        then, self.then = self.then, None
        if then is not None:
            then()
        return found


class World:
    def __init__(self) -> None:
        self.store, self.changes = Store(), 0
        limits = TimelineLimits(length=LENGTH, slack=2)
        self.timelines = MemoryTimelineCache(shards=1, limits=limits)
        self.caches = feed_caches(self.store, self.timelines, MemoryPullSet(), LENGTH)

    def follow(self, *authors: int, ended: bool = False) -> None:
        for author in authors:
            self.changes += 1
            stamp = Stamp(1, self.changes, ended)
            change = SetRelation(Relation.FOLLOW, READER, author, stamp)
            self.store.apply(Effects(relations=[change]))

    def post(self, author: int, *ids: int) -> None:
        """As the posts worker does it."""
        made = [Scope(0).post(one, author, one) for one in ids]
        self.store.apply(Effects(create_posts=made))
        assert not self.timelines.deliver({author: ids}, 100)

    def feed(self, limit: int = 100) -> list[int]:
        page = home_feed(Views.of(self.store), READER, limit=limit, caches=self.caches)
        assert page.complete
        return [post.post_id for post in page.posts]

    def asked(self) -> list[set[int]]:
        """Whose posts the store was asked for since the last time, above a timeline's floor."""
        asked, self.store.asked = self.store.asked, []
        return asked

    def down_to(self) -> list[int]:
        """Down to where the store had to go for them."""
        asked, self.store.down_to = self.store.down_to, []
        return asked


@pytest.fixture
def world() -> World:
    return World()


def test_post_during_a_build_is_not_lost(world: World) -> None:
    world.follow(ANN)
    world.post(ANN, 10)
    world.store.then = lambda: world.post(ANN, 20)
    world.feed()
    assert world.feed() == [20, 10]


def test_post_during_a_refit_is_not_lost(world: World) -> None:
    world.follow(ANN)
    world.post(ANN, 10)
    world.feed()
    world.follow(BOB)
    world.store.then = lambda: world.post(BOB, 20)
    world.feed()
    assert world.feed() == [20, 10]


def test_refit_after_a_follow_queries_the_new_author_only(world: World) -> None:
    world.follow(ANN, EVE)
    world.post(ANN, 10, 30)
    world.feed()
    world.post(BOB, 20)
    world.follow(BOB)
    world.asked()
    assert world.feed() == [30, 20, 10]
    assert world.asked() == [{BOB}]
    assert world.feed() == [30, 20, 10]
    assert world.asked() == []


def test_refit_after_a_follow_queries_nothing_below_the_floor(world: World) -> None:
    world.follow(ANN)
    world.post(BOB, 5)
    world.post(ANN, *range(10, 60, 10))
    assert world.feed(LENGTH) == [50, 40, 30, 20]
    world.post(BOB, 25)
    world.follow(BOB)
    world.down_to()
    assert world.feed() == [50, 40, 30, 25, 20, 10, 5]
    assert world.down_to()[0] == 10, "there the timeline ended"


def test_refit_after_an_unfollow_queries_no_author(world: World) -> None:
    world.follow(ANN, BOB)
    world.post(ANN, 10)
    world.post(BOB, 20)
    world.feed()
    world.follow(BOB, ended=True)
    world.asked()
    assert world.feed() == [10]
    assert not set().union(*world.asked())
    world.post(BOB, 30)
    world.follow(BOB)
    assert world.feed() == [30, 20, 10]


def test_refit_with_more_posts_than_fit_raises_the_floor(world: World) -> None:
    world.follow(ANN)
    world.feed()
    world.post(BOB, *range(10, 20))
    world.follow(BOB)
    assert world.feed(3) == [19, 18, 17]
    assert world.feed() == list(range(19, 9, -1))


def test_timeline_mostly_of_unfollowed_authors_is_rebuilt(world: World) -> None:
    world.follow(ANN, BOB, EVE)
    world.post(ANN, 10)
    world.post(BOB, 20)
    world.feed()
    world.follow(BOB, EVE, READER + 100)
    for author in (BOB, EVE, ANN):
        world.follow(author, ended=True)
    world.asked()
    assert world.feed() == []
    assert world.asked() == [{READER, READER + 100}]


def test_authors_with_another_digest_are_not_used(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.post(BOB, 20)
    world.follow(ANN)
    world.post(ANN, 10)
    world.feed()
    world.follow(BOB)
    monkeypatch.setattr(world.timelines, "authors", lambda _: (ANN, BOB, READER))
    assert world.feed() == [20, 10]


def test_concurrent_reads_of_a_cold_feed_build_it_once(world: World) -> None:
    world.follow(ANN)
    world.post(ANN, 10)
    reading, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        reading.set()
        assert go_on.wait(10)

    world.store.then = wait
    with ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(world.feed)]
        assert reading.wait(10)
        reads += [pool.submit(world.feed) for _ in range(7)]
        while world.caches.metrics.read(Cache.TIMELINE, Tier.REGULAR)[1] < len(reads):
            assert not any(read.done() for read in reads)
        go_on.set()
        assert [read.result(10) for read in reads] == [[10]] * len(reads)
    assert world.asked() == [{READER, ANN}]


def test_failed_build_releases_its_lock(world: World) -> None:
    world.follow(ANN)
    world.post(ANN, 10)

    def fail() -> None:
        raise MemoryError

    world.store.then = fail
    with pytest.raises(MemoryError):
        world.feed()
    assert world.feed() == [10]
    assert not world.caches.single_flight._flights
