"""Number of round trips that the context of a page takes."""

from collections.abc import Collection

import pytest

from streams.caching.invalidating_sink import InvalidatingSink
from streams.caching.read_through import ReadThroughRows
from streams.errors import StoreUnavailableError
from streams.serving import home_feed
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.context_loader import FeedContextLoader
from streams.serving.feed.feed_caches import FeedCaches
from streams.sinks.memory.feed_context import MemoryFeedContextReader
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.reader_activity import MemoryReaderActivity
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.effects import Effects, Relation, SetRelation, Stamp
from streams.views.feed_context import FeedContextReply
from streams.views.pull_set import Pulled
from streams.views.store import Views
from tests.contract.store_events import Scope
from tests.support.memory_side import memory_row_caches

READER, ANN, BOB = 1, 2, 3


class Pulls(MemoryPullSet):
    """Counts how often it is asked by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def pulled(self, authors: Collection[int]) -> dict[int, Pulled] | None:
        self.asked += 1
        found = super().pulled(authors)
        return None if found is None else dict(found)


class ContextReader(MemoryFeedContextReader):
    away = False

    def read(self, reader: int, authors: Collection[int]) -> FeedContextReply:
        if self.away:
            raise StoreUnavailableError("away")
        return super().read(reader, authors)


class World:
    def __init__(self) -> None:
        self.store, self.copies = MemoryStore(), memory_row_caches()
        durable = Views.of(self.store)
        self.sink = InvalidatingSink(self.store, durable, self.copies)
        self.pulls, timelines = Pulls(), MemoryTimelineCache(shards=1)
        token = self.pulls.begin_load()
        assert token is not None
        assert self.pulls.complete_load(token, {})
        rows = ReadThroughRows(durable, self.copies)
        self.views = durable._replace(rows=rows)
        self.reader = ContextReader(self.copies.relations, timelines, self.pulls)
        celebrities = CelebrityCache(durable, self.pulls)
        context_loader = FeedContextLoader(rows, self.reader)
        self.caches = FeedCaches(
            timelines, celebrities, MemoryReaderActivity(), context_loader=context_loader
        )
        self.follows = 0

    def follow(self, author: int) -> None:
        self.follows += 1
        stamp = Stamp(1, self.follows)
        self.sink.apply(Effects(relations=[SetRelation(Relation.FOLLOW, READER, author, stamp)]))

    def pulled_post(self, author: int, post: int) -> None:
        self.sink.apply(Effects(create_posts=[Scope(0).post(post, author, post)]))
        self.pulls.pull({author: [post]})

    def feed(self) -> list[int]:
        page = home_feed(self.views, READER, caches=self.caches)
        assert page.complete
        return [post.post_id for post in page.posts]

    def asked(self) -> int:
        """Return how often the pull set was queried since the last call."""
        asked, self.pulls.asked = self.pulls.asked, 0
        return asked


@pytest.fixture
def world() -> World:
    world = World()
    world.follow(ANN)
    assert world.feed() == []
    world.asked()
    return world


def test_unchanged_followed_set_takes_one_query(world: World) -> None:
    world.pulled_post(ANN, 10)
    assert world.feed() == [10]
    assert world.asked() == 1


def test_changed_followed_set_takes_another_query(world: World) -> None:
    world.pulled_post(BOB, 10)
    assert world.feed() == []
    world.follow(BOB)
    assert world.feed() == [10]
    world.asked()
    world.pulled_post(BOB, 11)
    assert world.feed() == [11, 10]
    assert world.asked() == 1


def test_unavailable_caches_leave_pages_to_the_durable_store(world: World) -> None:
    world.pulled_post(ANN, 10)
    world.reader.away = True
    assert world.feed() == [10]
