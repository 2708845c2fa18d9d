"""A Cassandra of its own is killed: nothing acknowledged is lost, and nobody is told otherwise."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.errors import StoreUnavailableError
from streams.sinks.cassandra.migrate import migrate
from streams.sinks.cassandra.session import Session, connect
from streams.sinks.cassandra.store import CassandraStore
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import Effects, Relation, SeeContent, Stamp
from streams.views.rows import Content
from tests.contract.store_events import MS_2024, Scope, Store
from tests.contract.store_suite import assert_unavailable
from tests.support.local_stack import free_ports, own_settings

pytestmark = pytest.mark.stack

_RECOVERY_S = 120.0
_POSTS = 40
_USERS = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A stack of nothing but Cassandra, which restarts it when it dies."""
    settings = own_settings(tmp_path_factory.mktemp("cassandra"))
    stack = local_stack(settings)
    try:
        stack.up(["cassandra"])
        yield settings
    finally:
        stack.down()


@pytest.fixture(scope="module")
def session(server: Settings) -> Iterator[Session]:
    with connect(server.cassandra_host, server.ports.cassandra) as session:
        migrate(session, server.keyspace)
        yield session


def kill(server: Settings) -> None:
    (row,) = [row for row in local_stack(server).status() if row.name == "cassandra"]
    assert row.pid is not None
    os.kill(row.pid, signal.SIGKILL)


def random_batch(scope: Scope, draw: random.Random, posts: list[int], users: list[int]) -> Effects:
    """Changes of few pairs and posts at random times: most of them meet an older or newer one."""

    def stamp() -> Stamp:
        return Stamp(MS_2024 + draw.randrange(50), scope.user(), draw.random() < 0.5)

    return Effects(
        create_posts=[
            scope.post(post, draw.choice(users), scope.user()) for post in draw.sample(posts, 5)
        ],
        edit_posts=[
            scope.edit(draw.choice(posts), draw.choice(users), stamp(), f"edit {n}")
            for n in range(5)
        ],
        relations=[
            scope.relation(draw.choice(list(Relation)), one, other, stamp())
            for one, other in (draw.sample(users, 2) for _ in range(40))
        ],
        likes=[scope.like(draw.choice(posts), draw.choice(users), stamp()) for _ in range(40)],
        views=[
            SeeContent(draw.choice(posts), draw.choice(users), MS_2024 + draw.randrange(1000))
            for _ in range(40)
        ],
    )


def apply_until_acknowledged(store: Store, effects: Effects) -> int:
    """Like a worker: try again until the store says it is durable. How often it could not."""
    deadline = time.monotonic() + _RECOVERY_S
    for failures in range(1_000_000):
        try:
            store.apply(effects)
            return failures
        except StoreUnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.2)  # the back-off that a worker has
    raise AssertionError


def assert_same(store: Store, expected: Store, posts: list[int], users: list[int]) -> None:
    assert store.posts(posts) == expected.posts(posts)
    assert store.creators(Content.POST, posts) == expected.creators(Content.POST, posts)
    for post in posts:
        assert store.likers(post) == expected.likers(post)
        assert store.viewers(post) == expected.viewers(post)
    for user in users:
        assert store.relations(user) == expected.relations(user)
        assert store.followers(user, 0, 100) == expected.followers(user, 0, 100)
        assert set(store.author_posts([user], None, 100)[user]) == set(
            expected.author_posts([user], None, 100)[user]
        )


def test_what_was_acknowledged_survives_kill_in_mid_stream(
    server: Settings, session: Session
) -> None:
    """Two kills: what earlier lives wrote lies in files of its own, and still settles rightly
    with what later ones write."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    scope, draw = Scope(seed), random.Random(seed)
    posts, users = [scope.content() for _ in range(_POSTS)], scope.users(_USERS)
    store, expected = CassandraStore(session), MemoryStore()
    failures = 0
    for _ in range(2):
        kill_at = draw.randrange(5, 25)
        killer: threading.Timer | None = None
        for number in range(30):
            if number == kill_at:
                killer = threading.Timer(draw.random() / 50, kill, (server,))
                killer.start()
            effects = random_batch(scope, draw, posts, users)
            failures += apply_until_acknowledged(store, effects)
            expected.apply(effects)
        assert killer is not None
        killer.join()
        apply_until_acknowledged(store, Effects(views=[SeeContent(1, 2, 3)]))
        assert_same(store, expected, posts, users)
    assert failures > 0, "no kill met a write: the test proved nothing"


def test_while_cassandra_is_away_every_call_says_so(server: Settings) -> None:
    stack = local_stack(server)
    with connect(server.cassandra_host, server.ports.cassandra, server.keyspace) as session:
        store = CassandraStore(session)
        store.apply(Effects(views=[SeeContent(1, 2, 3)]))
        stack.down()
        try:
            assert_unavailable(store)
        finally:
            stack.up(["cassandra"])
        assert apply_until_acknowledged(store, Effects(views=[SeeContent(1, 2, 2)])) >= 0
        assert store.viewers(1) == {2: 2}


def test_nobody_at_the_port_is_said_in_one_line(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with pytest.raises(StoreUnavailableError, match="refused") as caught:
        connect("127.0.0.1", port)
    assert "\n" not in str(caught.value)
