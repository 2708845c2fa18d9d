"""Cached lists of recent posts: never stale, and loaded once for all concurrent reads."""

import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from streams.caching.metrics import Cache, CacheMetrics
from streams.contracts.events import Tier
from streams.errors import StoreUnavailableError
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import Effects, PullPost
from streams.views.store import Enough, Views
from tests.contract.store_events import Scope

ANN, BOB = 1, 2
RECENT = 3


class Store(MemoryStore):
    """Counts what it is asked; while `hold` is not set, a question waits."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[list[int], int | None, int]] = []
        self.arrived = threading.Event()
        self.hold = threading.Event()
        self.hold.set()
        self.down = False

    def author_posts(
        self, authors: Collection[int], before: int | None, limit: int
    ) -> Mapping[int, Sequence[int]]:
        self.asked.append((sorted(authors), before, limit))
        self.arrived.set()
        assert self.hold.wait(10)
        if self.down:
            raise StoreUnavailableError("down")
        return super().author_posts(authors, before, limit)


class World:
    def __init__(self) -> None:
        self.store, self.pulls = Store(), MemoryPullSet()
        self.metrics = CacheMetrics()
        self.cache = CelebrityCache(Views.of(self.store), self.pulls, self.metrics, recent=RECENT)

    @property
    def misses(self) -> int:
        return self.metrics.read(Cache.CELEBRITY, Tier.CELEBRITY)[1]

    def pull(self, author: int, *posts: int) -> None:
        """As the posts worker does it."""
        made = [Scope(0).post(post, author, post) for post in posts]
        self.store.apply(
            Effects(create_posts=made, pulls=[PullPost(author, post) for post in posts])
        )
        self.pulls.pull({author: posts})

    def read(
        self, *authors: int, before: int | None = None, limit: int = 2
    ) -> dict[int, list[int]]:
        pulled = self.cache.pulled(authors)
        assert pulled is not None
        found = self.cache.posts_of(pulled)(list(pulled), before, limit, Enough(limit)).ids
        return {author: list(ids) for author, ids in found.items()}


@pytest.fixture
def world() -> World:
    return World()


def test_incomplete_pull_set_is_loaded(world: World) -> None:
    world.pull(ANN, 10, 20)
    assert world.read(ANN, BOB) == {ANN: [20, 10]}
    world.pulls.flush()
    assert world.read(ANN, BOB) == {ANN: [20, 10]}


def test_list_is_read_from_the_store_once(world: World) -> None:
    world.pull(ANN, 10, 20)
    world.pull(BOB, 15)
    assert world.read(ANN, BOB) == world.read(ANN, BOB) == {ANN: [20, 10], BOB: [15]}
    assert world.store.asked == [([ANN, BOB], None, RECENT)]
    assert world.metrics.read(Cache.CELEBRITY, Tier.CELEBRITY) == (2, 2)


@pytest.mark.parametrize("late", [30, 15, 5])
def test_new_post_invalidates_the_list_whatever_its_id(world: World, late: int) -> None:
    world.pull(ANN, 10, 20)
    world.read(ANN)
    world.pull(ANN, late)
    assert world.read(ANN, limit=3) == {ANN: sorted((10, 20, late), reverse=True)}


def test_posts_below_the_list_come_from_the_store(world: World) -> None:
    world.pull(ANN, 10, 20, 30, 40)
    assert world.read(ANN, limit=3) == {ANN: [40, 30, 20]}
    assert world.read(ANN, before=30) == {ANN: [20, 10]}
    assert world.store.asked == [([ANN], None, RECENT), ([ANN], 30, 2)]


def test_complete_list_needs_no_store(world: World) -> None:
    world.pull(ANN, 10, 20)
    assert world.read(ANN, limit=50) == {ANN: [20, 10]}
    assert world.read(ANN, before=10) == {ANN: []}
    assert len(world.store.asked) == 1


def test_concurrent_reads_query_the_store_once(world: World) -> None:
    world.pull(ANN, 10, 20)
    world.cache.pulled([ANN])
    world.store.hold.clear()
    with ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(world.read, ANN) for _ in range(8)]
        assert world.store.arrived.wait(10)
        while world.misses < len(reads):
            assert not any(read.done() for read in reads)
        world.store.hold.set()
        assert [read.result(10) for read in reads] == [{ANN: [20, 10]}] * len(reads)
    assert len(world.store.asked) == 1


def test_failed_load_fails_the_waiting_reads_and_no_later_one(world: World) -> None:
    world.pull(ANN, 10)
    world.cache.pulled([ANN])
    world.store.hold.clear()
    world.store.down = True
    with ThreadPoolExecutor(2) as pool:
        reads = [pool.submit(world.read, ANN) for _ in range(2)]
        while world.misses < len(reads):
            assert not any(read.done() for read in reads)
        world.store.hold.set()
        for read in reads:
            with pytest.raises(StoreUnavailableError):
                read.result(10)
    world.store.down = False
    assert world.read(ANN) == {ANN: [10]}
