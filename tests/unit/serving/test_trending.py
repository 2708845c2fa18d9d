"""Trending tags: by people, not by posts, and the later the more."""

from collections.abc import Collection, Mapping

import pytest

from streams.contracts.ids import make_id
from streams.serving import trending
from streams.serving.trending import HALF_LIFE_MS, WINDOW_MS
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import DeletePost, Effects, Stamp
from streams.views.rows import PostRow
from streams.views.store import Views
from tests.contract.store_events import MS_2024, Scope

NOW = MS_2024 + 10 * WINDOW_MS
HOUR = 3_600_000


class Store(MemoryStore):
    """Counts the posts that it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def posts(self, ids: Collection[int]) -> Mapping[int, PostRow]:
        self.asked += len(ids)
        return super().posts(ids)


class World:
    def __init__(self) -> None:
        self.store = Store()
        self.made = 0

    def post(self, author: int, *tags: str, ago: int = 0) -> int:
        self.made += 1
        post_id = make_id(NOW - ago) + self.made
        create = Scope(0).post(post_id, author, self.made, tags=tags)
        self.store.apply(Effects(create_posts=[create]))
        return post_id

    def told(self, limit: int = 10) -> list[tuple[str, int, float]]:
        found = trending(Views.of(self.store), NOW, limit=limit)
        return [(tag.tag, tag.authors, tag.score) for tag in found]


@pytest.fixture
def world() -> World:
    return World()


def test_people_count_and_not_their_posts(world: World) -> None:
    for _ in range(50):
        world.post(1, "loud")
    for author in (1, 2, 3):
        world.post(author, "shared")
    assert world.told() == [("shared", 3, 3.0), ("loud", 1, 1.0)]


def test_a_use_counts_half_for_every_half_life(world: World) -> None:
    world.post(1, "a", ago=HALF_LIFE_MS)
    world.post(2, "a", ago=2 * HALF_LIFE_MS)
    world.post(2, "a", ago=3 * HALF_LIFE_MS)
    assert world.told() == [("a", 2, 0.75)]


def test_the_window_is_a_day(world: World) -> None:
    world.post(1, "in", ago=WINDOW_MS - 1)
    world.post(1, "out", ago=WINDOW_MS)
    world.post(1, "future", ago=-1)
    assert [tag for tag, _, _ in world.told()] == ["in"]


def test_what_was_deleted_or_edited_out_counts_by_an_older_post(world: World) -> None:
    world.post(1, "a", "b", ago=HALF_LIFE_MS)
    deleted, edited = world.post(1, "a"), world.post(1, "b")
    world.store.apply(Effects(delete_posts=[DeletePost(deleted, 1)]))
    edit = Scope(0).edit(edited, 1, Stamp(NOW, 99), "", ("c",))
    world.store.apply(Effects(edit_posts=[edit]))
    assert world.told() == [("c", 1, 1.0), ("a", 1, 0.5), ("b", 1, 0.5)]


def test_ties_go_by_tag(world: World) -> None:
    for tag in ("c", "a", "b"):
        world.post(1, tag)
    assert [tag for tag, _, _ in world.told(2)] == ["a", "b"]


def test_only_tags_that_can_come_in_are_looked_at(world: World) -> None:
    for number in range(200):
        world.post(number, f"rare{number}", ago=HOUR)
    for author in range(3):
        world.post(author, "hot")
    world.store.asked = 0
    assert world.told(1)[0][0] == "hot"
    assert world.store.asked == 3


def test_a_tag_that_only_seems_hot_makes_way(world: World) -> None:
    fakes = [(author, world.post(author, "fake")) for author in range(5)]
    for author in range(3):
        world.post(author, "real")
    world.post(1, "less")
    gone = [DeletePost(post, author) for author, post in fakes[1:]]
    world.store.apply(Effects(delete_posts=gone))
    assert world.told(1) == [("real", 3, 3.0)]
    assert world.told(3) == [("real", 3, 3.0), ("fake", 1, 1.0), ("less", 1, 1.0)]


def test_there_may_be_nothing(world: World) -> None:
    assert world.told() == []
