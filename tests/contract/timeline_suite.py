"""What every TimelineCache must do, whatever it is made of."""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.views.timeline_cache import Delivery, TimelineCache
from streams.views.timeline_limits import TimelineLimits
from tests.support.profiles import scaled

DIGEST = b"followed authors"
OTHERS = b"all other people"
ANN, BOB, EVE = 1, 2, 3
READER = 100
ALL = 10_000
SMALL = TimelineLimits(length=5, slack=3, pushes=4, list_page=2)


class TimelineServer(ABC):
    """A server that holds timelines, and what can befall it."""

    @abstractmethod
    def cache(self, *, shards: int = 4, limits: TimelineLimits = SMALL) -> TimelineCache:
        """A cache without any timeline."""

    @abstractmethod
    def flush(self) -> None:
        """Lose everything."""

    @abstractmethod
    def evict(self, reader: int) -> None:
        """Lose one timeline."""

    @abstractmethod
    def new_history(self) -> None:
        """Go on with the data there was, as after a restart or a fail-over."""


def build(
    cache: TimelineCache, reader: int, authors: Iterable[int], ids: Iterable[int] = ()
) -> None:
    token = cache.begin_load(reader, tuple(authors))
    assert token is not None
    assert cache.complete_load(reader, token, tuple(ids), 0, DIGEST)


class Standing(NamedTuple):
    """What a timeline holds."""

    ids: tuple[int, ...]
    floor: int


def current_timeline(
    cache: TimelineCache, reader: int = READER, digest: bytes = DIGEST
) -> Standing | None:
    """The reader's timeline if it is one of these sources."""
    timeline = cache.read(reader)
    if timeline is None or timeline.digest != digest:
        return None
    return Standing(tuple(timeline.ids), timeline.floor)


def warm_ids(cache: TimelineCache, reader: int = READER) -> tuple[int, ...]:
    timeline = current_timeline(cache, reader)
    assert timeline is not None
    return timeline.ids


def finish(cache: TimelineCache, rests: Iterable[Delivery], limit: int) -> list[int]:
    """Carry deliveries through; the cursors on the way."""
    cursors = []
    for rest in rests:
        going: Delivery | None = rest
        while going is not None:
            cursors.append(going.cursor)
            going = cache.deliver_page(going, limit)
    return cursors


class TimelineSuite:
    """Subclass it with a fixture `server`."""

    @pytest.fixture
    def cache(self, server: TimelineServer) -> TimelineCache:
        return server.cache()

    # Absent is not empty.

    def test_what_nobody_built_is_cold(self, cache: TimelineCache) -> None:
        assert current_timeline(cache) is None

    def test_delivery_creates_no_timeline(self, cache: TimelineCache) -> None:
        assert list(cache.deliver({ANN: [10]}, ALL)) == []
        assert current_timeline(cache) is None

    def test_delivery_after_eviction_creates_no_timeline(
        self, server: TimelineServer, cache: TimelineCache
    ) -> None:
        build(cache, READER, [ANN], [10])
        server.evict(READER)
        cache.deliver({ANN: [20]}, ALL)
        assert current_timeline(cache) is None

    def test_a_loading_timeline_is_not_read(self, cache: TimelineCache) -> None:
        cache.begin_load(READER, [ANN])
        cache.deliver({ANN: [10]}, ALL)
        assert current_timeline(cache) is None
        assert current_timeline(cache, READER, b"\0" * 16) is None

    def test_a_timeline_of_other_sources_is_not_read(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10])
        assert current_timeline(cache, READER, OTHERS) is None

    def test_a_digest_of_another_length_is_refused(self, cache: TimelineCache) -> None:
        with pytest.raises(ValueError, match="16 bytes"):
            cache.complete_load(READER, b"t" * 16, [], 0, b"short")

    def test_a_reader_of_nobody_has_an_empty_timeline(self, cache: TimelineCache) -> None:
        build(cache, READER, [])
        timeline = current_timeline(cache)
        assert timeline is not None
        assert (tuple(timeline.ids), timeline.floor) == ((), 0)

    # Cold build against delivery.

    def test_loaded_ids_come_back_newest_first(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [20, 30, 10, 20])
        assert warm_ids(cache) == (30, 20, 10)

    def test_what_arrives_while_loading_is_kept(self, cache: TimelineCache) -> None:
        token = cache.begin_load(READER, [ANN])
        assert token is not None
        cache.deliver({ANN: [20, 40]}, ALL)
        assert cache.complete_load(READER, token, [10, 20, 30], 0, DIGEST)
        assert warm_ids(cache) == (40, 30, 20, 10)

    def test_what_arrives_out_of_order_while_loading_finds_its_place(
        self, cache: TimelineCache
    ) -> None:
        token = cache.begin_load(READER, [ANN])
        assert token is not None
        for late in (50, 20, 40, 20):
            cache.deliver({ANN: [late]}, ALL)
        assert cache.complete_load(READER, token, [10, 30, 60], 0, DIGEST)
        assert current_timeline(cache) == ((60, 50, 40, 30, 20), 10)

    def test_what_arrives_after_loading_is_kept(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN, BOB], [10])
        cache.deliver({ANN: [30], BOB: [20], EVE: [40]}, ALL)
        assert warm_ids(cache) == (30, 20, 10)

    def test_another_load_takes_over(self, cache: TimelineCache) -> None:
        first, second = cache.begin_load(READER, [ANN]), cache.begin_load(READER, [ANN])
        assert first is not None
        assert second is not None
        cache.deliver({ANN: [20]}, ALL)
        assert not cache.complete_load(READER, first, [10], 0, DIGEST)
        assert current_timeline(cache) is None
        assert cache.complete_load(READER, second, [10], 0, DIGEST)
        assert warm_ids(cache) == (20, 10)

    def test_a_load_whose_marker_went_installs_nothing(
        self, server: TimelineServer, cache: TimelineCache
    ) -> None:
        token = cache.begin_load(READER, [ANN])
        assert token is not None
        server.evict(READER)
        assert not cache.complete_load(READER, token, [10], 0, DIGEST)
        assert current_timeline(cache) is None

    def test_a_reader_dropped_from_a_list_is_registered_again(
        self, server: TimelineServer, cache: TimelineCache
    ) -> None:
        build(cache, READER, [ANN], [10])
        server.evict(READER)
        cache.deliver({ANN: [20]}, ALL)
        build(cache, READER, [ANN], [10, 20])
        cache.deliver({ANN: [30]}, ALL)
        assert warm_ids(cache) == (30, 20, 10)

    def test_installing_twice_changes_nothing(self, cache: TimelineCache) -> None:
        token = cache.begin_load(READER, [ANN])
        assert token is not None
        assert cache.complete_load(READER, token, [10], 0, DIGEST)
        cache.deliver({ANN: [20]}, ALL)
        assert cache.complete_load(READER, token, [10], 0, DIGEST)
        assert warm_ids(cache) == (20, 10)

    # The floor.

    def test_a_long_load_is_cut_and_says_so(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], range(1, 9))
        timeline = current_timeline(cache)
        assert timeline == ((8, 7, 6, 5, 4), 3)

    def test_a_load_drops_what_its_floor_covers(self, cache: TimelineCache) -> None:
        token = cache.begin_load(READER, [ANN])
        assert token is not None
        cache.deliver({ANN: [9, 31]}, ALL)
        assert cache.complete_load(READER, token, [10, 20, 30], 10, DIGEST)
        assert current_timeline(cache) == ((31, 30, 20), 10)

    def test_late_old_posts_below_the_floor_are_ignored(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], range(1, 9))
        cache.deliver({ANN: [1, 2, 3]}, ALL)
        assert current_timeline(cache) == ((8, 7, 6, 5, 4), 3)

    def test_late_posts_above_the_floor_find_their_place(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [10, 30, 50])
        cache.deliver({ANN: [40, 5, 20]}, ALL)
        assert warm_ids(cache) == (50, 40, 30, 20, 10, 5)

    def test_trimming_keeps_the_newest_by_id_not_by_arrival(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN], [100, 200, 300, 400, 500])
        for old in (11, 12, 13, 14):  # the ninth id makes the timeline too long
            cache.deliver({ANN: [old]}, ALL)
        assert current_timeline(cache) == ((500, 400, 300, 200, 100), 14)

    def test_a_trim_while_loading_raises_the_floor(self, cache: TimelineCache) -> None:
        token = cache.begin_load(READER, [ANN])
        assert token is not None
        cache.deliver({ANN: range(10, 20)}, ALL)
        assert cache.complete_load(READER, token, [1, 2, 17], 0, DIGEST)
        assert current_timeline(cache) == ((19, 18, 17, 16, 15), 14)

    @pytest.mark.parametrize("state", ["loading", "complete"])
    def test_replaying_cannot_grow_a_timeline(self, cache: TimelineCache, state: str) -> None:
        token = cache.begin_load(READER, [ANN])
        assert token is not None
        if state == "complete":
            assert cache.complete_load(READER, token, [], 0, DIGEST)
        order = random.Random(8)
        for _ in range(20):
            posts = list(range(1, 61))
            order.shuffle(posts)
            for start in range(0, 60, 7):
                cache.deliver({ANN: posts[start : start + 7]}, ALL)
        if state == "loading":
            assert cache.complete_load(READER, token, [], 0, DIGEST)
        timeline = current_timeline(cache)
        assert timeline is not None
        assert len(timeline.ids) <= SMALL.longest
        assert tuple(timeline.ids) == tuple(range(60, timeline.floor, -1))

    def test_delivering_twice_is_delivering_once(self, cache: TimelineCache) -> None:
        build(cache, READER, [ANN, BOB], [10])
        posts = {ANN: [20, 40], BOB: [30]}
        cache.deliver(posts, ALL)
        once = current_timeline(cache)
        cache.deliver(posts, ALL)
        assert current_timeline(cache) == once

    # Losing it.

    def test_after_a_flush_everything_is_cold(
        self, server: TimelineServer, cache: TimelineCache
    ) -> None:
        build(cache, READER, [ANN], [10])
        server.flush()
        cache.deliver({ANN: [20]}, ALL)
        assert current_timeline(cache) is None
        build(cache, READER, [ANN], [10, 20])
        cache.deliver({ANN: [30]}, ALL)
        assert warm_ids(cache) == (30, 20, 10)

    def test_in_another_life_of_the_server_everything_is_cold(
        self, server: TimelineServer, cache: TimelineCache
    ) -> None:
        build(cache, READER, [ANN], [10])
        server.new_history()
        cache.deliver({ANN: [20]}, ALL)
        assert current_timeline(cache) is None
        build(cache, READER, [ANN], [10, 20])
        cache.deliver({ANN: [30]}, ALL)
        assert warm_ids(cache) == (30, 20, 10)

    def test_a_load_does_not_outlive_the_servers_life(
        self, server: TimelineServer, cache: TimelineCache
    ) -> None:
        token = cache.begin_load(READER, [ANN])
        assert token is not None
        server.new_history()
        assert not cache.complete_load(READER, token, [10], 0, DIGEST)
        assert current_timeline(cache) is None

    # Ids of every size: scripts see them as bytes.

    @settings(
        max_examples=scaled(60),
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(
        loaded=st.lists(st.integers(1, 2**63 - 1), max_size=12),
        batches=st.lists(
            st.lists(
                st.one_of(
                    st.integers(1, 2**63 - 1),
                    st.builds(
                        lambda n, d: max(1, (1 << n) + d), st.integers(0, 62), st.integers(-1, 1)
                    ),
                ),
                max_size=6,
            ),
            max_size=6,
        ),
        reader=st.integers(1, 2**63 - 1),
    )
    def test_a_timeline_is_the_newest_of_all_it_was_given(
        self,
        server: TimelineServer,
        loaded: list[int],
        batches: list[list[int]],
        reader: int,
    ) -> None:
        cache = server.cache(shards=2)
        build(cache, reader, [reader], loaded)
        for batch in batches:
            cache.deliver({reader: batch}, ALL)
        timeline = current_timeline(cache, reader, DIGEST)
        assert timeline is not None
        given_ids = {*loaded, *(post for batch in batches for post in batch)}
        expected = sorted((i for i in given_ids if i > timeline.floor), reverse=True)
        assert list(timeline.ids) == expected
        assert len(expected) >= min(SMALL.length, len(given_ids))
        assert timeline.floor == 0 or timeline.floor in given_ids
