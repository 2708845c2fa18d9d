"""Counts that the maintainer holds: from when, how many, and estimates of very many views."""

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from streams.caching.count_maintainer import INLINE_BELOW, CountMaintainer
from streams.caching.invalidating_sink import InvalidatingSink
from streams.caching.read_through import ReadThroughRows
from streams.contracts.ids import make_id
from streams.sinks.memory.store import MemoryStore
from streams.views.counts import Count, CountKind
from streams.views.effects import Effects, SeeContent, SetLike, Stamp
from streams.views.store import Views
from tests.oracle.validity import Event
from tests.support.feed_events import feed
from tests.support.memory_side import memory_row_caches
from tests.support.small_network import AUTHOR, OTHER, READER, post, post_id

CONTENT, OTHER_CONTENT = 1, 2


class Counting(MemoryStore):
    """Records the contents whose members were all read."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[int] = []

    def likers(self, content_id: int) -> frozenset[int]:
        self.loaded.append(content_id)
        return super().likers(content_id)

    def likers_among(self, content_id: int, users: Collection[int]) -> frozenset[int]:
        return super().likers(content_id).intersection(users)

    def viewers(self, content_id: int) -> Mapping[int, int]:
        self.loaded.append(content_id)
        return super().viewers(content_id)


class World:
    """A store behind caches, with a maintainer that has these options."""

    def __init__(self, **options: Any) -> None:
        self.store = Counting()
        caches = memory_row_caches()
        views = Views.of(self.store)
        self.rows = ReadThroughRows(views, caches)
        maintainer = CountMaintainer(views, caches.counts, **options)
        self.sink = InvalidatingSink(self.store, views, caches, maintainer)

    def view(self, viewers: Collection[int], content: int = CONTENT) -> None:
        self.sink.apply(Effects(views=[SeeContent(content, viewer, 1) for viewer in viewers]))

    def like(
        self, users: Collection[int], at: int = 1, ended: bool = False, content: int = CONTENT
    ) -> None:
        likes = [SetLike(content, user, Stamp(at, user, ended)) for user in users]
        self.sink.apply(Effects(likes=likes))

    def count(self, content: int = CONTENT, kind: CountKind = CountKind.VIEWS) -> Count:
        return self.rows.counts(kind, [content])[content]

    def loads(self) -> Sequence[int]:
        loaded, self.store.loaded = self.store.loaded, []
        return loaded


def test_large_count_is_loaded_once_and_held() -> None:
    world = World(held_from=100)
    world.like(range(1, 101))
    assert world.count(kind=CountKind.LIKES) == Count(100)
    world.loads()
    for last in range(102, 130):
        world.like([last - 1, last])
        assert world.count(kind=CountKind.LIKES) == Count(last)
    assert world.loads() == [CONTENT]


def test_few_views_are_counted_once_and_new_ones_added() -> None:
    world = World(held_from=100)
    world.view(range(1, 50))
    assert world.count() == Count(49)
    world.loads()
    for last in range(51, 131):
        world.view([1, 7, last - 1, last])
        assert world.count() == Count(last)
    assert world.loads() == []


def test_count_of_zero_views_is_cached() -> None:
    world = World(held_from=100)
    assert world.count() == Count(0)
    world.loads()
    world.view([1])
    assert world.count() == Count(1)
    assert world.loads() == []


def test_many_views_are_loaded_when_they_change() -> None:
    world = World()
    world.view(range(1, INLINE_BELOW + 1))
    assert world.count() == Count(INLINE_BELOW)
    world.loads()
    for last in range(INLINE_BELOW + 1, INLINE_BELOW + 4):
        world.view([last])
        assert world.count() == Count(last)
    assert world.loads() == [CONTENT]


def test_unlikes_leave_a_held_count() -> None:
    world = World(held_from=10)
    world.like(range(1, 21))
    assert world.count(kind=CountKind.LIKES) == Count(20)
    for number, unliking in enumerate(([1], [2, 3], [3, 20]), start=1):
        world.like(unliking, at=1 + number, ended=True)
    assert world.count(kind=CountKind.LIKES) == Count(16)
    world.like([2, 21], at=9)
    assert world.count(kind=CountKind.LIKES) == Count(18)


def test_small_count_is_counted_by_the_next_reader() -> None:
    world = World(held_from=100)
    world.like(range(1, 50))
    assert world.count(kind=CountKind.LIKES) == Count(49)
    world.like([50])
    assert world.count(kind=CountKind.LIKES) == Count(50)
    assert world.count(OTHER_CONTENT, CountKind.LIKES) == Count(0)


def test_nothing_is_counted_before_the_first_read() -> None:
    world = World(held_from=1)
    for viewer in range(1, 20):
        world.view([viewer])
    assert world.loads() == []


def test_members_beyond_the_capacity_are_evicted_and_loaded_again() -> None:
    world = World(held_from=2, capacity=25)
    contents = range(1, 4)
    for user in range(1, 11):
        for content in contents:
            world.like([user], content=content)
            world.count(content, CountKind.LIKES)
    world.loads()
    for content in contents:
        world.like([11], content=content)
        assert world.count(content, CountKind.LIKES) == Count(11)
    assert set(world.loads()) == set(contents)


@pytest.mark.slow
def test_very_many_views_are_estimated_and_marked_so() -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    viewers = draw.sample(range(1, 1 << 40), 150_000)
    world = World(held_from=1_000, exact_views=100_000)
    world.view(viewers[:100_000])
    world.count()
    world.view(viewers[:10])
    assert world.count() == Count(100_000)
    world.view(viewers[100_000:])
    count = world.count()
    assert count.estimated
    assert abs(count.number / 150_000 - 1) < 5 * 0.003
    world.view(viewers)
    assert world.count() == count


def comment(number: int, on: int, *, event_id: int) -> Event:
    at = 1_700_000_000_000
    return {
        "type": "CommentCreated",
        "event_id": event_id,
        "occurred_at": at,
        "user_id": READER,
        "comment_id": make_id(at) + number,
        "content_kind": "POST",
        "content_id": on,
        "owner_id": OTHER,
        "text": "",
        "reply_to": None,
    }


@pytest.mark.parametrize("held_from", [1, 100], ids=["held", "counted"])
def test_comment_moved_by_another_create_counts_once(held_from: int) -> None:
    world = World(held_from=held_from)
    feed(world.sink, [[comment(1, CONTENT, event_id=9)]])
    assert world.count(CONTENT, CountKind.COMMENTS) == Count(1)
    assert world.count(OTHER_CONTENT, CountKind.COMMENTS) == Count(0)
    feed(world.sink, [[comment(1, OTHER_CONTENT, event_id=8)]])
    assert world.count(CONTENT, CountKind.COMMENTS) == Count(0)
    assert world.count(OTHER_CONTENT, CountKind.COMMENTS) == Count(1)


def test_repost_moved_by_another_create_counts_once() -> None:
    world = World()

    def repost(of: int, event_id: int) -> Event:
        return post(1) | {"repost_of": of, "repost_of_author": AUTHOR, "event_id": event_id}

    feed(world.sink, [[repost(post_id(5), 9)]])
    assert world.count(post_id(5), CountKind.REPOSTS) == Count(1)
    feed(world.sink, [[repost(post_id(6), 8)]])
    assert world.count(post_id(5), CountKind.REPOSTS) == Count(0)
    assert world.count(post_id(6), CountKind.REPOSTS) == Count(1)
