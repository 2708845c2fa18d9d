"""The row cache changes no answer: every change of a row invalidates its cached row."""

import time
from collections.abc import Collection, Mapping

import pytest

from streams.caching.formats import pack_post, pack_relations, unpack_post, unpack_relations
from streams.caching.invalidating_sink import InvalidatingSink
from streams.caching.metrics import Cache, CacheMetrics
from streams.caching.read_through import ReadThroughRows
from streams.caching.ttl import CONTENT_TTL_S
from streams.contracts.events import Tier
from streams.errors import StoreUnavailableError
from streams.sinks.memory.row_cache import MemoryRowCache
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import DeletePost, Effects, SetTier, Stamp
from streams.views.row_cache import CachedRow, CacheLookup
from streams.views.store import RowReader, Views
from tests.support.feed_events import feed
from tests.support.memory_side import memory_row_caches
from tests.support.small_network import (
    AUTHOR,
    OTHER,
    READER,
    deleted,
    edited,
    follow,
    pair,
    post,
    post_id,
)


class Watched(MemoryRowCache):
    """Records the lifetimes of cached rows; does not answer while `down`."""

    def __init__(self) -> None:
        super().__init__()
        self.lifetimes: dict[int, int] = {}
        self.down = False

    def get(self, ids: Collection[int]) -> CacheLookup:
        self._answer()
        return super().get(ids)

    def fill(self, token: bytes, rows: Mapping[int, CachedRow]) -> None:
        self._answer()
        self.lifetimes |= {i: row.ttl_s for i, row in rows.items()}
        super().fill(token, rows)

    def invalidate(self, ids: Collection[int]) -> None:
        self._answer()
        super().invalidate(ids)

    def _answer(self) -> None:
        if self.down:
            raise StoreUnavailableError("down")


class World:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.posts, self.relations = Watched(), Watched()
        caches = memory_row_caches(self.posts, self.relations)
        self.metrics = CacheMetrics()
        views = Views.of(self.store)
        self.sink = InvalidatingSink(self.store, views, caches)
        self.rows: RowReader = ReadThroughRows(views, caches, self.metrics)

    def agree(self, *posts: int) -> None:
        """Compare twice, so that the second answer comes from the cache."""
        for _ in range(2):
            assert self.rows.posts(posts) == self.store.posts(posts)
            for user in (AUTHOR, READER):
                assert self.rows.relations(user) == self.store.relations(user)


@pytest.fixture
def world() -> World:
    return World()


def test_unpacked_rows_equal_the_packed_ones(world: World) -> None:
    text = "\u00e4\u2028\U0001f600\\\" '"
    events = [
        post(1, text=text, hashtags=["One", "zwei"], media=["a", "b"]),
        post(2, reply_to=post_id(1), reply_to_author=AUTHOR),
        post(3, repost_of=post_id(1), repost_of_author=(1 << 63) - 1),
    ]
    feed(world.sink, [events])
    for row in world.store.posts([post_id(n) for n in (1, 2, 3)]).values():
        for tier in CONTENT_TTL_S:
            assert unpack_post(pack_post(row, tier)) == row
    feed(world.sink, [[follow(4, READER, (1 << 63) - 1)]])
    feed(world.sink, [[pair(5, "Muted", READER, 77), pair(6, "Blocked", READER, 78)]])
    relations = world.store.relations(READER)
    assert all(relations)
    assert unpack_relations(pack_relations(relations)) == relations


def test_row_read_once_is_cached(world: World) -> None:
    feed(world.sink, [[post(1), follow(2, READER, AUTHOR)]])
    world.agree(post_id(1), post_id(9))
    assert world.metrics.read(Cache.POST, Tier.REGULAR) == (1, 1)
    assert world.metrics.read(Cache.RELATIONS, Tier.REGULAR) == (2, 2)


def test_every_change_of_a_row_is_visible_at_once(world: World) -> None:
    changes = [
        post(1, text="first", event_id=50),
        post(1, OTHER, text="of another", event_id=40),
        post(1, text="earliest", event_id=30),
        edited(5, 1),
        follow(6, READER, AUTHOR),
        pair(7, "Muted", READER, AUTHOR),
        pair(8, "Blocked", AUTHOR, READER),
        pair(9, "Unblocked", AUTHOR, READER),
        deleted(10, 1),
    ]
    for change in changes:
        feed(world.sink, [[change]])
        world.agree(post_id(1))


def test_post_is_cached_for_the_lifetime_of_its_authors_tier(world: World) -> None:
    for number, tier in enumerate(CONTENT_TTL_S, start=1):
        feed(world.sink, [[post(number, author=number)]])
        world.sink.apply(Effects(tiers=[SetTier(number, Stamp(1, 1), tier)]))
        world.rows.posts([post_id(number)])
        world.rows.posts([post_id(number)])
        assert world.metrics.read(Cache.POST, tier) == (1, 1)
        assert world.posts.lifetimes[post_id(number)] == CONTENT_TTL_S[tier]
    assert sorted(CONTENT_TTL_S.values()) == [1800, 7200, 21600]
    assert CONTENT_TTL_S[Tier.CELEBRITY] == 21600
    assert CONTENT_TTL_S[Tier.REGULAR] == 1800


def test_reader_without_a_lease_fills_nothing_in(world: World) -> None:
    feed(world.sink, [[post(1)]])
    world.posts.get([post_id(1)])  # somebody else fetches it
    world.rows.posts([post_id(1)])
    assert not world.posts.lifetimes


def test_unavailable_cache_leaves_reads_to_the_store(world: World) -> None:
    feed(world.sink, [[post(1), follow(2, READER, AUTHOR)]])
    world.posts.down = world.relations.down = True
    world.agree(post_id(1))


@pytest.mark.parametrize("kind", ["posts", "relations"])
def test_batch_fails_until_its_cached_rows_are_invalidated(world: World, kind: str) -> None:
    feed(world.sink, [[post(1)]])
    world.agree(post_id(1))
    cache = {"posts": world.posts, "relations": world.relations}[kind]
    cache.down = True
    changes = [deleted(5, 1), follow(6, READER, AUTHOR)]
    with pytest.raises(StoreUnavailableError):
        feed(world.sink, [changes])
    cache.down = False
    feed(world.sink, [changes])
    world.agree(post_id(1))


def test_row_is_changed_before_its_cached_row_is_invalidated() -> None:
    order: list[str] = []

    class Store(MemoryStore):
        def apply(self, effects: Effects) -> None:
            order.append("row")
            super().apply(effects)

    class RecordedCache(MemoryRowCache):
        def invalidate(self, ids: Collection[int]) -> None:
            order.append("cached row")
            super().invalidate(ids)

    store = Store()
    sink = InvalidatingSink(
        store, Views.of(store), memory_row_caches(RecordedCache(), RecordedCache())
    )
    sink.apply(Effects(delete_posts=[DeletePost(1, AUTHOR)]))
    assert order == ["row", "cached row"]


def test_a_tier_of_a_later_release_counts_as_regular(world: World) -> None:
    feed(world.sink, [[post(1)]])
    world.sink.apply(Effects(tiers=[SetTier(AUTHOR, Stamp(1, 1), Tier.UNKNOWN)]))
    world.agree(post_id(1))
    assert world.posts.lifetimes[post_id(1)] == CONTENT_TTL_S[Tier.REGULAR]


def test_reads_of_stories_are_counted_by_their_authors_tier(world: World) -> None:
    now = time.time_ns() // 1_000_000
    for author, tier in enumerate(CONTENT_TTL_S, start=1):
        world.sink.apply(Effects(tiers=[SetTier(author, Stamp(1, 1), tier)]))
    for _ in range(3):
        world.rows.current_stories([1, 2, 3], now)
    for tier in CONTENT_TTL_S:
        assert world.metrics.read(Cache.STORIES, tier) == (2, 1)
