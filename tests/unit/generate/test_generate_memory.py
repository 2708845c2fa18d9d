"""What the simulation remembers is bounded, and it is the newest."""

from random import Random

from streams.generate.graph import FollowGraph
from streams.generate.memory import DeletedIds, Pairs, RecentItems
from streams.generate.power_laws import power_law_with_top


def test_recent_keeps_the_last_and_prefers_the_newest() -> None:
    recent: RecentItems[int] = RecentItems(100, Random(1))
    assert recent.pick() is None
    for number in range(1050):
        recent.add(number)
    picked = [found for _ in range(5000) if (found := recent.pick()) is not None]
    assert set(picked) == set(range(950, 1050))
    assert sum(picked) / len(picked) > 1010


def test_what_is_taken_is_gone_and_its_place_is_used_again() -> None:
    recent: RecentItems[int] = RecentItems(3, Random(1))
    for number in range(3):
        recent.add(number)
    taken = {recent.take() for _ in range(100)}
    assert taken == {0, 1, 2, None}
    recent.add(3)
    assert {recent.pick() for _ in range(100)} == {3, None}


def test_pairs_are_ordered_unique_and_at_most_so_many() -> None:
    pairs = Pairs(2, Random(1))
    assert pairs.take() is None
    assert pairs.add(1, 2)
    assert not pairs.add(1, 2)
    assert pairs.add(2, 1)
    assert not pairs.add(3, 4)
    assert (1, 2) in pairs
    assert (3, 4) not in pairs
    assert {pairs.take(), pairs.take(), pairs.take()} == {(1, 2), (2, 1), None}
    assert not pairs.between(1, 2)


def test_the_gone_are_remembered_up_to_a_number() -> None:
    gone = DeletedIds(10)
    for number in range(25):
        gone.add(number)
    assert [number for number in range(25) if number in gone] == list(range(15, 25))


def test_the_graph_is_the_set_of_its_pairs() -> None:
    rng = Random(5)
    graph, model = FollowGraph(30, 400, rng), set[tuple[int, int]]()
    full = 0
    for _ in range(5000):
        follower, followee = rng.randint(1, 30), rng.randint(1, 30)
        if rng.random() < 0.5:
            added = graph.follow(follower, followee)
            assert not (added and (follower, followee) in model)
            full += not added and (follower, followee) not in model
            model |= {(follower, followee)} if added else set()
        else:
            assert graph.unfollow(follower, followee) == ((follower, followee) in model)
            model.discard((follower, followee))
        assert graph.degree(follower) == sum(a == follower for a, _ in model)
        drawn = graph.followee(follower)
        assert (follower, drawn) in model if graph.degree(follower) else drawn == 0
    assert full
    assert {graph.follower() for _ in range(3000)} == set(range(1, 31))


def test_a_power_law_hits_the_top_share_asked_for() -> None:
    law, rng = power_law_with_top(1000, 0.05), Random(2)
    assert abs(law.top - 0.05) < 0.001
    draws = [law.draw(rng.random()) for _ in range(50_000)]
    assert 0.045 < draws.count(1) / 50_000 < 0.055
    assert (min(draws), max(draws)) == (1, 1000)
