"""The in-memory pull set passes the suite."""

import pytest

from streams.sinks.memory.pull_set import MemoryPullSet
from tests.contract.pull_suite import PullServer, PullSuite


class MemoryServer(PullServer):
    def __init__(self) -> None:
        self.pulls = self.memory = MemoryPullSet()

    def flush(self) -> None:
        self.memory.flush()

    def give_up_load(self) -> None:
        self.memory.load_died = True

    def new_history(self) -> None:
        self.memory.restart()


class TestMemoryPullSet(PullSuite):
    @pytest.fixture
    def server(self) -> PullServer:
        return MemoryServer()
