"""The views in memory pass the suite."""

import pytest

from streams.sinks.memory import MemoryStore
from tests.contract.store_making import Clock, Store
from tests.contract.store_suite import StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self, clock: Clock) -> Store:
        return MemoryStore(clock=clock)
