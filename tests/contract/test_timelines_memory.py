"""The in-memory timelines pass the suite, and many random histories quickly."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.timeline_limits import TimelineLimits
from tests.contract.delivery_suite import DeliverySuite
from tests.contract.refit_suite import RefitSuite
from tests.contract.timeline_machine import TimelineMachine
from tests.contract.timeline_suite import SMALL, TimelineServer, TimelineSuite
from tests.support.profiles import scaled


class MemoryServer(TimelineServer):
    def cache(self, *, shards: int = 4, limits: TimelineLimits = SMALL) -> MemoryTimelineCache:
        self._cache = MemoryTimelineCache(shards=shards, limits=limits)
        return self._cache

    def flush(self) -> None:
        self._cache.flush()

    def evict(self, reader: int) -> None:
        self._cache.evict(reader)

    def new_history(self) -> None:
        self._cache.restart()


class TestMemoryTimelines(TimelineSuite, DeliverySuite, RefitSuite):
    @pytest.fixture
    def server(self) -> TimelineServer:
        return MemoryServer()


class MemoryMachine(TimelineMachine):
    def make_server(self) -> TimelineServer:
        return MemoryServer()


def test_every_history_leaves_warm_timelines_right() -> None:
    run_state_machine_as_test(
        MemoryMachine,
        settings=settings(max_examples=scaled(200), stateful_step_count=50, deadline=None),
    )
