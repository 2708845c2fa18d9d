"""Warming an author's followers: those who read last, those who are cold, and nobody else."""

import pytest

from streams.app.feeds.warm import Warmed, warm_followers
from streams.serving import home_feed
from streams.serving.feed.celebrity_cache import CelebrityCache
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.read_side import ReadSide
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.reader_activity import MemoryReaderActivity
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.effects import Effects, Relation, SetRelation, Stamp
from streams.views.reader_activity import ABSENT_S
from streams.views.store import Views
from tests.contract.store_events import Scope
from tests.support.memory_log import Unwatched

AUTHOR, FOLLOWERS = 1, range(10, 10 + 2500)


class World:
    def __init__(self) -> None:
        self.now = 1_000_000_000.0
        self.store, pulls = MemoryStore(), MemoryPullSet()
        self.timelines = MemoryTimelineCache(shards=4)
        self.activity = MemoryReaderActivity(lambda: self.now)
        views = Views.of(self.store)
        caches = FeedCaches(self.timelines, CelebrityCache(views, pulls), self.activity)
        self.side = ReadSide(views, caches, views, caches.metrics)
        self.store.apply(
            Effects(
                create_posts=[Scope(0).post(100, AUTHOR, 100)],
                relations=[
                    SetRelation(Relation.FOLLOW, reader, AUTHOR, Stamp(1, reader))
                    for reader in FOLLOWERS
                ],
            )
        )

    def visit(self, *readers: int) -> None:
        for reader in readers:
            self.now += 60
            self.activity.record_read(reader)

    def warm(self, top: int) -> Warmed:
        return warm_followers(self.side, AUTHOR, top, Unwatched())

    def warmed(self) -> list[int]:
        return [reader for reader in FOLLOWERS if self.timelines.read(reader) is not None]


@pytest.fixture
def world() -> World:
    return World()


def test_those_who_read_last_are_warmed(world: World) -> None:
    world.visit(11, 2509, 12, 999_999, 13)
    warmed = world.warm(3)
    assert world.warmed() == [12, 13, 2509]
    assert (warmed.followers, warmed.active, warmed.chosen) == (len(FOLLOWERS), 4, 3)
    assert (warmed.built, warmed.already_warm, warmed.not_built) == (3, 0, 0)


def test_what_is_warm_is_left_alone(world: World) -> None:
    world.visit(11, 12)
    world.warm(10)
    token = world.timelines.read(11)
    again = world.warm(10)
    assert (again.built, again.already_warm) == (0, 2)
    assert world.timelines.read(11) == token


def test_those_who_have_not_read_for_long_are_left_alone(world: World) -> None:
    world.visit(11)
    world.now += ABSENT_S - 60
    world.visit(12)
    assert world.warm(10).active == 1
    assert world.warmed() == [12]


def test_reading_a_feed_is_a_visit_and_warming_is_none(world: World) -> None:
    home_feed(world.side.views, 11, caches=world.side.caches)
    assert list(world.activity.last_read_at(FOLLOWERS)) == [11]
    world.now += 60
    before = world.activity.last_read_at([11])
    world.warm(10)
    assert world.activity.last_read_at([11]) == before


def test_a_warmed_feed_is_the_feed(world: World) -> None:
    world.visit(11)
    world.warm(10)
    page = home_feed(world.side.views, 11, caches=world.side.caches)
    assert [post.post_id for post in page.posts] == [100]


def test_what_cannot_be_built_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.visit(11, 12)
    monkeypatch.setattr(world.timelines, "complete_load", lambda *_: False)
    warmed = world.warm(10)
    assert (warmed.chosen, warmed.built, warmed.not_built) == (2, 0, 2)
