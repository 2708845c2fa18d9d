"""Authors who post very often: the posts of an hour are counted up to a bound."""

import pytest

from streams.contracts.ids import make_id
from streams.projections.tier_policy import MOST_POSTS_PER_HOUR, TierLimits, posts_per_hour
from tests.unit.agents.test_agents import NOW, READERS, World, a_post

HOUR_MS = 3_600_000
FOLLOWERS = 20


@pytest.mark.parametrize(("budget", "decisions"), [(200 * FOLLOWERS, 1), (200 * FOLLOWERS + 1, 0)])
def test_posts_of_an_hour_count_up_to_200(budget: int, decisions: int) -> None:
    assert MOST_POSTS_PER_HOUR == 200
    limits = TierLimits(budget=budget, followers=1_000_000, popular=0.999)
    world = World(inline=5, page=7, limits=limits)
    world.follow(READERS[:FOLLOWERS])
    world.warm()
    posts = [a_post(NOW - 250_000 + number * 1000) for number in range(250)]
    world.consume("posts", "social.posts.v1", posts)
    celebrities = [one for one in world.decisions if one.tier == "CELEBRITY"]
    assert len(celebrities) == decisions


def test_posts_of_the_hour_before_are_counted_and_none_of_later() -> None:
    at = 1_767_225_600_000
    newest = make_id(at)
    ids = [make_id(at - ms) for ms in (0, 1, HOUR_MS - 1, HOUR_MS, HOUR_MS + 1)]
    assert posts_per_hour([*ids, make_id(at + 1)], newest) == 3
    assert posts_per_hour([], newest) == 0
