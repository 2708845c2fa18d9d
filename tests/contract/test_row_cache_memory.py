"""The row cache in memory passes the suite."""

import pytest

from streams.sinks.memory.row_cache import MemoryRowCache
from tests.contract.row_cache_suite import RowCacheServer, RowCacheSuite


class Server(RowCacheServer):
    def __init__(self) -> None:
        self.cache: MemoryRowCache = MemoryRowCache()

    def flush(self) -> None:
        self.cache.flush()

    def evict(self, row_id: int) -> None:
        self.cache.evict(row_id)

    def new_history(self) -> None:
        self.cache.restart()


class TestMemoryRowCache(RowCacheSuite):
    @pytest.fixture
    def server(self) -> RowCacheServer:
        return Server()
