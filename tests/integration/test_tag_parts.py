"""What a tag costs: how many questions a page is, and what is written about it again and again."""

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from streams.app.settings import Settings
from streams.sinks.cassandra.migrate import migrate
from streams.sinks.cassandra.session import Row, Session, connect
from streams.sinks.cassandra.store import CassandraStore
from streams.views.effects import Effects
from tests.contract.store_events import DAY_MS, MS_2024, Scope

pytestmark = pytest.mark.stack


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


@pytest.fixture
def asked(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements of all questions, as they are asked."""
    statements: list[str] = []
    rows, rows_of_all = session.rows, session.rows_of_all

    def one(cql: str, *values: Any) -> Iterator[Row]:
        statements.append(cql)
        return rows(cql, *values)

    def many(questions: Iterable[tuple[str, Sequence[Any]]]) -> Iterator[list[Row]]:
        listed = list(questions)
        statements.extend(cql for cql, _ in listed)
        return rows_of_all(listed)

    monkeypatch.setattr(session, "rows", one)
    monkeypatch.setattr(session, "rows_of_all", many)
    return statements


def parts_of(session: Session, tag: str) -> list[tuple[int, int]]:
    return list(session.rows("SELECT bucket, part FROM tag_parts WHERE tag = ?", tag))


@pytest.mark.parametrize("posts_a_month", [1, 300], ids=["rare", "hot"])
def test_a_month_of_a_tag_is_one_question(
    session: Session, scope: Scope, asked: list[str], posts_a_month: int
) -> None:
    store, tag, author = CassandraStore(session), scope.tag(), scope.user()
    ids = [
        scope.content(MS_2024 - month * 31 * DAY_MS + n)
        for month in range(3)
        for n in range(posts_a_month)
    ]
    store.apply(Effects(create_posts=[scope.post(i, author, 1, tags=(tag,)) for i in ids]))
    asked.clear()
    assert list(store.tag_posts(tag, None, 1)) == [max(ids)]
    assert len(asked) == 2  # which months and parts there are, and the newest month
    asked.clear()
    assert set(store.tag_posts(tag, None, 10_000)) == set(ids)
    assert len(asked) == 4


def test_where_a_tags_posts_are_is_written_once(session: Session, scope: Scope) -> None:
    """For every batch about a hot tag has the same few rows to tell."""
    store, tag, author, post = CassandraStore(session), scope.tag(), scope.user(), scope.content()
    effects = Effects(create_posts=[scope.post(post, author, 1, tags=(tag,))])
    # The last month in which anybody wrote is asked for whatever an author's row says.
    later = scope.post(scope.content(MS_2024 + 300 * DAY_MS), scope.user(), 1)
    store.apply(Effects(create_posts=[later]))
    store.apply(effects)
    assert len(parts_of(session, tag)) == 1
    list(session.rows("DELETE FROM tag_parts WHERE tag = ?", tag))
    list(session.rows("DELETE FROM author_buckets WHERE author_id = ?", author))
    store.apply(effects)
    assert parts_of(session, tag) == []
    assert list(store.author_posts([author], None, 5)[author]) == []


def test_what_was_not_acknowledged_is_written_again(
    session: Session, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, tag, author, post = CassandraStore(session), scope.tag(), scope.user(), scope.content()
    effects = Effects(create_posts=[scope.post(post, author, 1, tags=(tag,))])
    with monkeypatch.context() as patch:
        patch.setattr(session, "run_all", _fails)
        with pytest.raises(RuntimeError, match="no answer"):
            store.apply(effects)
    store.apply(effects)
    assert len(parts_of(session, tag)) == 1
    assert list(store.tag_posts(tag, None, 5)) == [post]


def _fails(statements: Iterable[Any]) -> None:
    raise RuntimeError("no answer")
