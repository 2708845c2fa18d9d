"""Deliveries to many followers, whatever cache holds their timelines."""

import random

import pytest

from streams.views.timeline_cache import Delivery, TimelineCache
from streams.views.timeline_limits import TimelineLimits
from tests.contract.timeline_suite import (
    ALL,
    ANN,
    BOB,
    READER,
    TimelineServer,
    build,
    finish,
    warm_ids,
)


class DeliverySuite:
    """Subclass it with a fixture `server`."""

    @pytest.fixture
    def cache(self, server: TimelineServer) -> TimelineCache:
        return server.cache()

    def test_a_limit_that_suffices_leaves_nothing(self, cache: TimelineCache) -> None:
        readers = range(100, 140)
        for reader in readers:
            build(cache, reader, [ANN])
        assert list(cache.deliver({ANN: [10]}, 40)) == []
        assert all(warm_ids(cache, reader) == (10,) for reader in readers)

    def test_a_list_of_exactly_the_limit_leaves_nothing(self, server: TimelineServer) -> None:
        cache = server.cache(shards=1)
        for reader in range(100, 107):
            build(cache, reader, [ANN])
        assert list(cache.deliver({ANN: [10]}, 7)) == []
        assert list(cache.deliver({ANN: [10]}, 6)) == [Delivery(ANN, 10, 0, 105)]

    def test_a_large_author_is_served_in_pages(self, server: TimelineServer) -> None:
        cache = server.cache(shards=2)
        readers = range(100, 160)
        for reader in readers:
            build(cache, reader, [ANN, BOB])
        rests = cache.deliver({ANN: [10, 20], BOB: [15]}, 7)
        assert {(rest.post_id, rest.shard) for rest in rests} == {
            (post, shard) for post in (10, 15, 20) for shard in (0, 1)
        }
        served = [reader for reader in readers if warm_ids(cache, reader)]
        assert len(served) == 14
        finish(cache, rests, 4)
        assert all(warm_ids(cache, reader) == (20, 15, 10) for reader in readers)

    def test_a_delivery_goes_on_from_any_cursor(self, server: TimelineServer) -> None:
        cache = server.cache(shards=1)
        readers = range(100, 130)
        for reader in readers:
            build(cache, reader, [ANN])
        for cursor in readers:
            server.evict(cursor)
            build(cache, cursor, [ANN])
            rest = Delivery(ANN, 1000 + cursor, 0, cursor)
            finish(cache, [rest], 4)
            assert [r for r in readers if 1000 + cursor in warm_ids(cache, r)] == [
                r for r in readers if r > cursor
            ]

    def test_pages_of_many_deliveries_at_once(self, server: TimelineServer) -> None:
        cache = server.cache(shards=2)
        readers = range(100, 130)
        for reader in readers:
            build(cache, reader, [ANN, BOB])
        rests = [
            Delivery(author, post, shard, cursor)
            for author, post, cursor in ((ANN, 10, 0), (ANN, 11, 120), (BOB, 12, 120), (ANN, 20, 0))
            for shard in (0, 1)
        ]
        going: list[Delivery] = [*rests, rests[0]]
        while going:
            left = cache.deliver_pages(going, 4)
            assert {(rest.author_id, rest.post_id, rest.shard) for rest in left} <= {
                (rest.author_id, rest.post_id, rest.shard) for rest in going
            }
            assert all(
                rest.cursor > min(r.cursor for r in going if r.post_id == rest.post_id)
                for rest in left
            )
            going = list(left)
        for reader in readers:
            late = (20, 12, 11, 10) if reader > 120 else (20, 10)
            assert warm_ids(cache, reader) == late

    def test_no_pages_at_all(self, cache: TimelineCache) -> None:
        assert list(cache.deliver_pages([], 4)) == []

    def test_followers_come_and_go_between_pages(self, server: TimelineServer) -> None:
        cache = server.cache(shards=1)
        for reader in range(100, 120):
            build(cache, reader, [ANN])
        (rest,) = cache.deliver({ANN: [10]}, 5)
        assert rest.cursor == 104
        server.evict(104)  # the cursor itself
        server.evict(106)
        cache.deliver({ANN: [9]}, ALL)  # takes both off the list
        build(cache, 99, [ANN], [10])  # joins behind the cursor: loads the post itself
        build(cache, 1000, [ANN])  # joins before it: is delivered to
        assert finish(cache, [rest], 5) == [104, 110, 115]
        assert all(10 in warm_ids(cache, r) for r in (99, 100, 105, 107, 119, 1000))

    def test_many_posts_of_one_author_at_once(self, server: TimelineServer) -> None:
        cache = server.cache(limits=TimelineLimits(length=800, slack=64, pushes=50))
        build(cache, READER, [ANN])
        posts = list(range(1, 2001))
        random.Random(5).shuffle(posts)
        assert list(cache.deliver({ANN: posts}, 500)) == []
        ids = warm_ids(cache)
        assert 800 <= len(ids) <= 864
        assert ids == tuple(range(2000, 2000 - len(ids), -1))

    def test_many_authors_at_once(self, server: TimelineServer) -> None:
        cache = server.cache(limits=TimelineLimits(length=800, slack=64, pushes=7))
        authors = range(1, 61)
        build(cache, READER, authors)
        assert list(cache.deliver({author: [author] for author in range(1, 101)}, 1)) == []
        assert warm_ids(cache) == tuple(range(60, 0, -1))

    def test_nothing_to_deliver(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN])
        assert list(cache.deliver({}, ALL)) == []
        assert list(cache.deliver({ANN: []}, ALL)) == []
        assert warm_ids(cache) == ()
