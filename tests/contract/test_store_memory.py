"""The views in memory pass the suite."""

import pytest

from streams.sinks.memory.store import MemoryStore
from tests.contract.store_events import Clock, Store
from tests.contract.store_suite import StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self, clock: Clock) -> Store:
        return MemoryStore(clock=clock)
