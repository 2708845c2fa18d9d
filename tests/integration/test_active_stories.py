"""The index of active stories forgets what has expired, and nothing else."""

import random
import time
from collections.abc import Iterator

import pytest

from streams.app.settings import Settings
from streams.sinks.cassandra.migrate import migrate
from streams.sinks.cassandra.session import Session, connect
from streams.sinks.cassandra.store import CassandraStore
from streams.sinks.cassandra.tables.author_stories import ACTIVE_SLACK_MS
from streams.views.effects import Effects
from tests.contract.store_events import DAY_MS, MS_2024, Clock, Scope

pytestmark = pytest.mark.stack

LONG, SHORT = MS_2024 + DAY_MS, MS_2024 + 1000
_PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def session(stack: Settings) -> Iterator[Session]:
    with connect(stack.cassandra_host, stack.ports.cassandra) as session:
        migrate(session, stack.keyspace)
        yield session


@pytest.fixture
def scope() -> Scope:
    seed = random.SystemRandom().getrandbits(32)
    print(f"scope seed {seed}")
    return Scope(seed)


def entries(session: Session, author: int) -> list[int]:
    """The event ids under which the author's stories are in the index."""
    found = session.rows("SELECT event_id FROM active_stories WHERE author_id = ?", author)
    return [row[0] for row in found]


def wait_until_one_is_left(session: Session, author: int) -> list[int]:
    deadline = time.monotonic() + _PATIENCE_S
    while len(left := entries(session, author)) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return left


@pytest.mark.parametrize("expiries", [(LONG, SHORT), (SHORT, LONG)], ids=["first long", "short"])
@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
def test_of_two_creates_each_keeps_its_entry_as_long_as_it_says(
    session: Session, scope: Scope, expiries: tuple[int, int], backwards: bool
) -> None:
    """So the expiry of the create that lost takes nothing from the one that counts."""
    clock = Clock(SHORT + ACTIVE_SLACK_MS - 1000)  # the short entry has a second to live
    store = CassandraStore(session, clock=clock)
    author, story = scope.user(), scope.content()
    creates = [
        scope.story(story, author, event_id, expires_at=expires_at)
        for event_id, expires_at in enumerate(expiries, start=1)
    ]
    for create in reversed(creates) if backwards else creates:
        store.apply(Effects(create_stories=[create]))
    long_lived = expiries.index(LONG) + 1
    assert wait_until_one_is_left(session, author) == [long_lived]
    # The right answer needs the entry only where the create that counts is the one that lives on.
    found = store.author_stories([author], MS_2024 - DAY_MS, clock.now, clock.now)
    assert list(found[author]) == [story]
    assert store.stories([story])[story].expires_at == expiries[0]


def test_what_expired_long_ago_is_only_in_the_durable_index(session: Session, scope: Scope) -> None:
    clock = Clock(LONG + ACTIVE_SLACK_MS)
    store = CassandraStore(session, clock=clock)
    author, story = scope.user(), scope.content()
    store.apply(Effects(create_stories=[scope.story(story, author, 1, expires_at=LONG)]))
    assert entries(session, author) == []
    window = (MS_2024, MS_2024 + 1)
    assert list(store.author_stories([author], *window, clock.now)[author]) == []
    assert list(store.author_stories([author], *window, clock.now - 1)[author]) == [story]


def test_a_replay_does_not_lengthen_a_life(session: Session, scope: Scope) -> None:
    """The later write of the same entry leaves it as long to live as the first one did."""
    clock = Clock(SHORT + ACTIVE_SLACK_MS - 2000)
    store = CassandraStore(session, clock=clock)
    author = scope.user()
    short = scope.story(scope.content(), author, 1, expires_at=SHORT)
    long = scope.story(scope.content(), author, 2, expires_at=LONG)
    store.apply(Effects(create_stories=[short, long]))
    clock.now += 1000
    store.apply(Effects(create_stories=[short]))
    assert wait_until_one_is_left(session, author) == [2]
