"""The views in a real Cassandra: the common suite, and what only a server can do to them."""

from collections.abc import Iterator

import pytest

from streams.app.settings import Settings
from streams.errors import StoreRefusedError, StoreUnavailableError
from streams.sinks.cassandra.migrate import migrate
from streams.sinks.cassandra.session import Session, connect
from streams.sinks.cassandra.store import CassandraStore
from tests.contract.store_events import DAY_MS, MS_2024, Clock, Store
from tests.contract.store_suite import StoreSuite
from tests.support.messages import produces, shown

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


@produces("a table or column is missing in Cassandra …")
def test_a_row_that_cassandra_refuses_is_a_verdict_and_a_missing_table_is_none(
    session: Session,
) -> None:
    insert = "INSERT INTO tag_posts (tag, bucket, part, post_id) VALUES (?, ?, 0, 1)"
    session.run_all([session.prepared(insert).bind(("short", 1))])
    for refused in ("x" * 70_000, "x" * 65_536):
        statement = session.prepared(insert).bind((refused, 1))
        with pytest.raises(StoreRefusedError, match=r"Cassandra refuses the values: .*Key length"):
            session.run_all([statement])
    with pytest.raises(StoreRefusedError, match="cannot encode"):
        session.run_all(session.prepared(insert).bind(("a", one)) for one in (1, 2**40))
    session.run("CREATE TABLE dropped_later (id bigint PRIMARY KEY)")
    statement = session.prepared("INSERT INTO dropped_later (id) VALUES (?)").bind((1,))
    session.run("DROP TABLE dropped_later")
    with pytest.raises(StoreUnavailableError, match="storyline migrate") as waits:
        session.run_all([statement])
    shown(str(waits.value))


def test_uses_of_tags_that_are_not_kept_are_refused(session: Session) -> None:
    """Two days of them are: as much as an answer as of a day ago asks for."""
    store = CassandraStore(session, clock=lambda: MS_2024)
    assert list(store.tag_uses(MS_2024 - 2 * DAY_MS, MS_2024 - 2 * DAY_MS)) == []
    with pytest.raises(ValueError, match="two days"):
        store.tag_uses(MS_2024 - 3 * DAY_MS, MS_2024)
