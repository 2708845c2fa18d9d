"""The in-memory pull set passes the suite."""

import pytest

from streams.sinks.memory.pull_set import MemoryPullSet
from tests.contract.pull_set_suite import PullSetServer, PullSetSuite


class MemoryServer(PullSetServer):
    def __init__(self) -> None:
        self.pulls = self.memory = MemoryPullSet()

    def flush(self) -> None:
        self.memory.flush()

    def give_up_load(self) -> None:
        self.memory.load_died = True

    def new_history(self) -> None:
        self.memory.restart()


class TestMemoryPullSet(PullSetSuite):
    @pytest.fixture
    def server(self) -> PullSetServer:
        return MemoryServer()
