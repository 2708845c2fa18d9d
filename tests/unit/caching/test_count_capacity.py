"""Capacity of the count maintainer: it holds what fits, and each count once."""

import pytest

from streams.views.counts import Count, CountKind
from tests.unit.caching.test_count_maintainer import World

FIRST, SECOND, THIRD = 1, 2, 3
MEMBERS = range(1, 11)


def held(world: World, *contents: int) -> None:
    """Hold counts of 10 likes each."""
    for content in contents:
        world.like(MEMBERS, content=content)
        assert world.count(content, CountKind.LIKES) == Count(len(MEMBERS))
    for content in contents:
        world.like([1], at=2, content=content)
    world.loads()


def test_refreshed_counts_take_no_more_room_than_their_members() -> None:
    world = World(held_from=2, capacity=2 * len(MEMBERS))
    held(world, FIRST, SECOND)
    for batch in range(100):
        for content in (FIRST, SECOND):
            world.like([5], at=10 + batch, ended=batch % 2 == 0, content=content)
            assert world.count(content, CountKind.LIKES) == Count(10 - (batch % 2 == 0))
    assert world.loads() == []


def test_count_that_is_unchanged_for_longest_is_evicted() -> None:
    world = World(held_from=2, capacity=2 * len(MEMBERS))
    held(world, FIRST, SECOND)
    world.like([5], at=3, content=FIRST)
    held(world, THIRD)
    world.like([5], at=4, content=FIRST)
    world.like([5], at=4, content=THIRD)
    assert world.loads() == []
    world.like([5], at=4, content=SECOND)
    assert world.count(SECOND, CountKind.LIKES) == Count(10)
    assert world.loads() == [SECOND]


def test_count_larger_than_the_capacity_is_the_only_one_held() -> None:
    world = World(held_from=2, capacity=len(MEMBERS) - 1)
    held(world, FIRST)
    world.like([5], at=3, content=FIRST)
    assert world.count(FIRST, CountKind.LIKES) == Count(10)
    assert world.loads() == []


@pytest.mark.parametrize(("likers", "loads"), [(9, []), (10, [FIRST])])
def test_count_is_held_from_a_number_of_members_on(likers: int, loads: list[int]) -> None:
    world = World(held_from=10)
    world.like(range(1, likers + 1))
    assert world.count(FIRST, CountKind.LIKES) == Count(likers)
    world.loads()
    world.like([1], at=2)
    assert world.loads() == loads
