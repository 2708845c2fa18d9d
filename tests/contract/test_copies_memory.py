"""Copies in memory pass the suite."""

import pytest

from streams.sinks.memory.row_cache import MemoryRowCache
from tests.contract.copies_suite import CopyServer, CopySuite


class Server(CopyServer):
    def __init__(self) -> None:
        self.copies: MemoryRowCache = MemoryRowCache()

    def flush(self) -> None:
        self.copies.flush()

    def evict(self, one: int) -> None:
        self.copies.evict(one)

    def new_history(self) -> None:
        self.copies.restart()


class TestMemoryCopies(CopySuite):
    @pytest.fixture
    def server(self) -> CopyServer:
        return Server()
