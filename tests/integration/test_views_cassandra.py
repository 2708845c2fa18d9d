"""Every view of a real Cassandra is what the oracle answers, however the events arrived."""

import itertools
import secrets
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.app.settings import Settings
from streams.sinks.cassandra.migrate import migrate
from streams.sinks.cassandra.session import Session, connect
from streams.sinks.cassandra.store import CassandraStore
from streams.views.store import Views
from tests.oracle.views import Oracle
from tests.strategies import DAY, WORLDS, World, deliveries, networks
from tests.support.feed_events import feed
from tests.support.memoized_views import memoized
from tests.support.questions import NOWS, assert_same_answers
from tests.support.served_answers import Served

pytestmark = pytest.mark.stack

# Not hypothesis's to choose: it would try the same worlds again. A server that is used for many
# runs should not see one twice either.
OFFSETS = itertools.count(1 + secrets.randbelow(WORLDS))


@pytest.fixture(scope="module")
def session(stack: Settings) -> Iterator[Session]:
    with connect(stack.cassandra_host, stack.ports.cassandra) as session:
        migrate(session, stack.keyspace)
        yield session


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    page=st.sampled_from((20, 1, 2)),
    now=st.sampled_from(NOWS),
)
@pytest.mark.filterwarnings(
    # The driver's own threads draw random numbers meanwhile.
    "ignore:Do not use the `random` module inside strategies"
)
def test_every_view_is_what_the_oracle_answers(
    session: Session, data: st.DataObject, page: int, now: int
) -> None:
    # Each example has people, contents and tags of its own, for nothing is ever taken away.
    world = World(offset=next(OFFSETS) % WORLDS, population=data.draw(st.integers(3, 5)))
    events = data.draw(networks(world))
    # Which tags trend is nobody's own.
    session.run("TRUNCATE tag_uses")
    store = CassandraStore(session, clock=lambda: now)
    feed(store, data.draw(deliveries(events)))
    assert_same_answers(
        Served(Views.of(memoized(store)), page=page),
        Oracle(events),
        world,
        trending_since=now - DAY,
    )
