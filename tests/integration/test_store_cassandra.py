"""The views in a real Cassandra: the common suite, and what only a server can do to them."""

from collections.abc import Iterator

import pytest

from streams.app.settings import Settings
from streams.sinks.cassandra.migrating import migrate
from streams.sinks.cassandra.session import Session, connect
from streams.sinks.cassandra.store import CassandraStore
from tests.contract.store_making import Clock, Store
from tests.contract.store_suite import StoreSuite

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def session(stack: Settings) -> Iterator[Session]:
    with connect(stack.cassandra_host, stack.ports.cassandra) as session:
        migrate(session, stack.keyspace)
        yield session


class TestCassandraStore(StoreSuite):
    @pytest.fixture
    def store(self, session: Session, clock: Clock) -> Store:
        return CassandraStore(session, clock=clock)
