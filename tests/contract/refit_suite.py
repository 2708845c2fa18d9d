"""Making a timeline fit other authors than it was built for, whatever cache holds it."""

from collections.abc import Collection, Sequence

import pytest

from streams.views.timeline_cache import Timeline, TimelineCache
from streams.views.timeline_limits import DIGEST_BYTES
from tests.contract.timeline_suite import (
    ALL,
    ANN,
    BOB,
    DIGEST,
    EVE,
    OTHERS,
    READER,
    TimelineServer,
    build,
    current_timeline,
)

THIRD = b"3" * DIGEST_BYTES


def held(cache: TimelineCache) -> Timeline:
    timeline = cache.read(READER)
    assert timeline is not None
    return timeline


def extend(
    cache: TimelineCache,
    timeline: Timeline,
    ids: Sequence[int],
    authors: Collection[int] = (ANN, BOB),
    digest: bytes = OTHERS,
    floor: int | None = None,
) -> bool:
    floor = timeline.floor if floor is None else floor
    return cache.extend(READER, timeline, ids, floor, authors, digest)


class RefitSuite:
    """Subclass it with a fixture `server`."""

    @pytest.fixture
    def cache(self, server: TimelineServer) -> TimelineCache:
        return server.cache()

    def test_a_timeline_tells_for_whom_it_was_built(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN, EVE], [10])
        assert sorted(cache.authors(READER)) == [ANN, EVE]
        assert not cache.authors(READER + 1)

    def test_it_tells_of_very_many(self, cache: TimelineCache) -> None:
        many = range(1, 1000)
        build(cache, READER, many, [10])
        assert sorted(cache.authors(READER)) == list(many)

    def test_posts_of_those_added_find_their_place(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10, 30])
        timeline = held(cache)
        assert cache.register_reader(READER, timeline.token, [BOB])
        assert extend(cache, timeline, [20, 40])
        assert current_timeline(cache) is None
        assert current_timeline(cache, READER, OTHERS) == ((40, 30, 20, 10), 0)
        assert sorted(cache.authors(READER)) == [ANN, BOB]

    def test_those_registered_deliver_before_and_after(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10])
        timeline = held(cache)
        cache.register_reader(READER, timeline.token, [BOB])
        cache.deliver({BOB: [25]}, ALL)
        assert extend(cache, timeline, [20])
        cache.deliver({BOB: [35]}, ALL)
        cache.deliver({ANN: [30]}, ALL)
        assert current_timeline(cache, READER, OTHERS) == ((35, 30, 25, 20, 10), 0)

    def test_what_is_more_than_fits_raises_the_floor(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10, 20, 30])
        assert extend(cache, held(cache), [12, 22, 32])
        assert current_timeline(cache, READER, OTHERS) == ((32, 30, 22, 20, 12), 10)

    def test_what_was_not_read_to_its_end_raises_the_floor(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10, 20, 30])
        assert extend(cache, held(cache), [25], floor=22)
        assert current_timeline(cache, READER, OTHERS) == ((30, 25), 22)

    def test_a_floor_that_rose_meanwhile_stands(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10])
        timeline = held(cache)
        cache.deliver({ANN: range(20, 40)}, ALL)
        assert extend(cache, timeline, [5, 25])
        found = current_timeline(cache, READER, OTHERS)
        assert found == ((39, 38, 37, 36, 35), 34)

    def test_repeating_it_changes_nothing(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10])
        timeline = held(cache)
        assert extend(cache, timeline, [20])
        assert extend(cache, timeline, [20])
        assert current_timeline(cache, READER, OTHERS) == ((20, 10), 0)

    def test_of_two_at_once_the_first_stands(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10])
        timeline = held(cache)
        assert extend(cache, timeline, [20])
        assert not extend(cache, timeline, [15], [ANN, EVE], THIRD)
        assert current_timeline(cache, READER, OTHERS) == ((20, 10), 0)
        assert sorted(cache.authors(READER)) == [ANN, BOB]

    def test_a_timeline_built_anew_is_another(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10])
        timeline = held(cache)
        build(cache, READER, [EVE], [15])
        assert not cache.register_reader(READER, timeline.token, [BOB])
        assert not extend(cache, timeline, [20])
        assert current_timeline(cache) == ((15,), 0)

    def test_one_that_is_loading_again_is_left_alone(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10])
        timeline = held(cache)
        token = cache.begin_load(READER, [EVE])
        assert token is not None
        assert not extend(cache, timeline._replace(token=token), [20])
        assert cache.complete_load(READER, token, [15], 0, DIGEST)
        assert current_timeline(cache) == ((15,), 0)

    def test_one_that_went_stays_away(self, server: TimelineServer, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10])
        timeline = held(cache)
        server.evict(READER)
        assert not cache.register_reader(READER, timeline.token, [BOB])
        assert not extend(cache, timeline, [20])
        assert cache.read(READER) is None

    def test_it_does_not_outlive_the_servers_life(
        self, server: TimelineServer, cache: TimelineCache
    ) -> None:
        build(cache, READER, [ANN], [10])
        timeline = held(cache)
        server.new_history()
        assert not extend(cache, timeline, [20])
        assert cache.read(READER) is None
