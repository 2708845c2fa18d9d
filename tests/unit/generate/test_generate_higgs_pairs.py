"""Pairs of people in recorded networks: each follows once, and none is taken for another."""

import pytest

from streams.contracts.events import UserFollowed
from streams.generate.higgs import events_of
from streams.generate.interactions import Act, Interaction


def follows(*pairs: tuple[int, int]) -> list[tuple[int, int]]:
    acts = [
        Interaction(line, user, other, 1_341_100_972_000 + 1_000 * line, Act.RETWEET)
        for line, (user, other) in enumerate(pairs, start=1)
    ]
    return [
        (event.follower_id, event.followee_id)
        for event in events_of(acts)
        if isinstance(event, UserFollowed)
    ]


@pytest.mark.parametrize("bits", range(1, 62))
def test_pairs_whose_ids_overlap_both_follow(bits: int) -> None:
    """In fewer than 64 bits for the second id, (1, 2 << bits | 5) and (3, 5) would be one pair."""
    pairs = [(1, 2 << bits | 5), (3, 5)]
    assert follows(*pairs) == pairs


def test_each_direction_of_a_pair_follows_once() -> None:
    assert follows((1, 2), (2, 1), (1, 2), (2, 1)) == [(1, 2), (2, 1)]


def test_acting_on_oneself_is_no_follow() -> None:
    assert follows((4, 4)) == []
