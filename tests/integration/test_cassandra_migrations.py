"""Migrations on a real server: repeated, edited, interrupted, and two at once."""

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from cassandra import AlreadyExists, InvalidRequest

from streams.app.settings import Settings
from streams.contracts.ids import make_id
from streams.errors import UserError
from streams.migration_files import Migrated, Migration, in_order
from streams.sinks.cassandra import migration_copies
from streams.sinks.cassandra.lock import MigrationLock
from streams.sinks.cassandra.migrate import migrate, require_migrated
from streams.sinks.cassandra.migrations import shipped
from streams.sinks.cassandra.months import month_of
from streams.sinks.cassandra.session import Session, connect
from streams.sinks.cassandra.store import CassandraStore
from streams.sinks.cassandra.tables.content_views import view_rows
from streams.sinks.cassandra.writes import Write, write_all
from streams.views.effects import SeeContent
from streams.views.rows import Viewing
from tests.contract.store_events import DAY_MS, MS_2024
from tests.support.messages import produces

pytestmark = pytest.mark.stack

ONE = Migration(1, "one", "CREATE TABLE IF NOT EXISTS one (key int PRIMARY KEY);\n")
TWO = Migration(2, "two", "CREATE TABLE IF NOT EXISTS two (key int PRIMARY KEY);\n")


@pytest.fixture
def open_session(stack: Settings) -> Iterator[Callable[[], Session]]:
    """Opens sessions that end with the test."""
    opened: list[Session] = []

    def open_one() -> Session:
        opened.append(connect(stack.cassandra_host, stack.ports.cassandra))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def session(open_session: Callable[[], Session]) -> Session:
    return open_session()


@pytest.fixture
def keyspace(session: Session) -> Iterator[str]:
    """A name that no other test uses; dropped afterwards."""
    name = f"test_{random.SystemRandom().getrandbits(48):x}"
    yield name
    session.run(f"DROP KEYSPACE IF EXISTS {name}")


def tables(session: Session, keyspace: str) -> set[str]:
    found = session.rows(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", keyspace
    )
    return {row[0] for row in found}


def test_a_second_run_changes_nothing(session: Session, keyspace: str) -> None:
    assert migrate(session, keyspace, migrations=[ONE]) == Migrated(("0001_one",), ())
    assert migrate(session, keyspace, migrations=[ONE]) == Migrated((), ("0001_one",))
    told: list[str] = []
    again = migrate(session, keyspace, migrations=[ONE, TWO], progress=told.append)
    assert again == Migrated(("0002_two",), ("0001_one",))
    assert told == ["0002_two"]
    assert {"one", "two"} < tables(session, keyspace)


@produces("migration … was edited after it was applied")
def test_an_edited_migration_is_refused_and_nothing_is_done(
    session: Session, keyspace: str
) -> None:
    migrate(session, keyspace, migrations=[ONE])
    edited = replace(ONE, text=ONE.text + "-- a thought\n")
    with pytest.raises(UserError, match="0001_one was edited after it was applied"):
        migrate(session, keyspace, migrations=[edited, TWO])
    assert "two" not in tables(session, keyspace)


@produces("the … has migration …, which this release does not know")
def test_a_migration_of_a_newer_release_is_refused(session: Session, keyspace: str) -> None:
    migrate(session, keyspace, migrations=[ONE, TWO])
    with pytest.raises(UserError, match="migration 0002, which this release does not know"):
        migrate(session, keyspace, migrations=[ONE])


def test_an_interrupted_migration_is_resumed(session: Session, keyspace: str) -> None:
    whole = Migration(1, "both", ONE.text + TWO.text)
    interrupted = Migration(1, "both", ONE.text + "CREATE TABLE nonsense (;\n")
    with pytest.raises(Exception, match="no viable alternative"):
        migrate(session, keyspace, migrations=[interrupted])
    assert "one" in tables(session, keyspace)
    assert migrate(session, keyspace, migrations=[whole]).applied == ("0001_both",)
    assert "two" in tables(session, keyspace)


def test_two_at_once_apply_each_migration_once(
    open_session: Callable[[], Session], keyspace: str
) -> None:
    """The statement is one that fails when it is run twice."""
    once = Migration(1, "once", "CREATE TABLE once (key int PRIMARY KEY);\n")
    done: list[Migrated] = []
    start = threading.Barrier(3)

    def work(session: Session) -> None:
        start.wait()
        done.append(migrate(session, keyspace, migrations=[once]))

    threads = [threading.Thread(target=work, args=(open_session(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.applied for one in done) == [(), (), ("0001_once",)]


def test_the_statement_of_the_test_above_cannot_run_twice(session: Session, keyspace: str) -> None:
    once = Migration(1, "once", "CREATE TABLE once (key int PRIMARY KEY);\n" * 2)
    with pytest.raises(AlreadyExists):
        migrate(session, keyspace, migrations=[once])


@produces("another migration is running (held by …)")
def test_whoever_waits_too_long_is_told_who_holds_the_lock(
    session: Session, open_session: Callable[[], Session], keyspace: str
) -> None:
    migrate(session, keyspace, migrations=[])
    other = open_session()
    other.use(keyspace)
    with MigrationLock(other, wait_s=0) as held:
        with pytest.raises(UserError, match=f"held by {held.owner}"):
            migrate(session, keyspace, migrations=[ONE], lock_wait_s=0.5)
        held.renew()
    assert migrate(session, keyspace, migrations=[ONE]).applied == ("0001_one",)


@produces("lost the migration lock to another process")
def test_a_lock_of_a_dead_owner_expires_and_cannot_be_renewed(
    session: Session, keyspace: str
) -> None:
    migrate(session, keyspace, migrations=[])
    dead = MigrationLock(session, wait_s=0, expires_s=1)
    dead.__enter__()
    with MigrationLock(session, wait_s=30) as alive:
        with pytest.raises(UserError, match="lost the migration lock"):
            dead.renew()
        alive.renew()


def test_who_lost_the_lock_stops_and_leaves_it_to_its_owner(
    session: Session, keyspace: str
) -> None:
    other = "UPDATE schema_lock SET owner = 'other' WHERE name = 'migrate' IF EXISTS"

    def lose() -> None:
        assert list(session.rows(other)) == [(True,)]

    with pytest.raises(UserError, match="lost the migration lock"):
        migrate(session, keyspace, migrations=[ONE], progress=lambda _: lose())
    assert "one" not in tables(session, keyspace)
    with pytest.raises(UserError, match="held by other"):
        migrate(session, keyspace, migrations=[ONE], lock_wait_s=0)


@produces("Cassandra has no keyspace …", "keyspace … has no tables yet", "keyspace … is missing …")
def test_an_outdated_keyspace_is_told_apart_from_a_missing_one(
    session: Session, keyspace: str
) -> None:
    with pytest.raises(UserError, match=f"no keyspace {keyspace}"):
        require_migrated(session, keyspace)
    session.run(
        f"CREATE KEYSPACE {keyspace} "
        "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    with pytest.raises(UserError, match="no tables yet"):
        require_migrated(session, keyspace)
    migrate(session, keyspace, migrations=[])
    with pytest.raises(UserError, match="is missing 0001_content, "):
        require_migrated(session, keyspace)


def test_posts_by_tag_move_into_parts(
    session: Session, keyspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was posted before the upgrade is found after it, an interruption included."""
    migrate(session, keyspace, migrations=shipped()[:5])
    ids = {tag: [make_id(at) + n for n in range(40)] for tag, at in TAGGED.items()}
    for tag, posts in ids.items():
        for post in posts:
            list(session.rows(_OLD_TAG_POST, tag, month_of(post), post))
    with monkeypatch.context() as patch:
        patch.setattr(migration_copies, "_ROWS", 7)
        patch.setattr(migration_copies, "write_all", Interrupted(after=3))
        with pytest.raises(KeyboardInterrupt):
            migrate(session, keyspace)
        assert "tag_posts" in tables(session, keyspace)
    migrate(session, keyspace)
    views = CassandraStore(session)
    for tag, posts in ids.items():
        assert list(views.tag_posts(tag, None, 100)) == posts[::-1]
    assert not {"posts_by_tag", "tag_buckets"} & tables(session, keyspace)


def test_months_of_posts_are_listed(session: Session, keyspace: str) -> None:
    """A feed that was folded before the upgrade is whole after it."""
    migrate(session, keyspace, migrations=shipped()[:8])
    now, long_ago = 1_735_689_600_000, 1_400_000_000_000
    ids = [make_id(at) + n for at in (long_ago, now) for n in range(5)]
    for post in ids:
        list(session.rows(_OLD_AUTHOR_POST, 7, month_of(post), post))
        list(session.rows(_OLD_AUTHOR_BUCKET, 7, month_of(post)))
    migrate(session, keyspace)
    views = CassandraStore(session)
    for limit in (3, 5, 7, 100):
        assert list(views.author_posts([7], None, limit)[7]) == ids[::-1][:limit]
    assert list(views.author_posts([7], ids[5], 100)[7]) == ids[4::-1]


def test_months_of_stories_are_listed(session: Session, keyspace: str) -> None:
    """The archive of before the upgrade is whole after it."""
    migrate(session, keyspace, migrations=shipped()[:11])
    ids = [make_id(MS_2024 + month * 31 * DAY_MS) + n for month in range(3) for n in range(2)]
    for story in ids:
        list(session.rows(_OLD_AUTHOR_STORY, 7, month_of(story), story))
    migrate(session, keyspace)
    assert list(CassandraStore(session).stories_by(7, None, 100)) == ids[::-1]


def test_commenters_are_listed(session: Session, keyspace: str) -> None:
    """Who commented before the upgrade is found after it."""
    migrate(session, keyspace, migrations=shipped()[:12])
    pairs = [(user, make_id(MS_2024) + user) for user in range(1, 6)]
    for user, comment in pairs:
        list(session.rows(_OLD_COMMENT, comment, 7, user))
    migrate(session, keyspace)
    assert CassandraStore(session).content_commenters(7, (0, 0), 100) == pairs


def test_views_are_put_in_order(
    session: Session, keyspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever viewed a story before the upgrade is found after it, an interruption included."""
    migrate(session, keyspace, migrations=shipped()[:10])
    story, at = make_id(MS_2024), MS_2024 + 5
    views = [SeeContent(story, viewer, at + viewer % 5) for viewer in range(1, 41)]
    write_all(session, view_rows(views))
    with monkeypatch.context() as patch:
        patch.setattr(migration_copies, "_ROWS", 7)
        patch.setattr(migration_copies, "write_all", Interrupted(after=3))
        with pytest.raises(KeyboardInterrupt):
            migrate(session, keyspace)
    migrate(session, keyspace)
    expected = sorted((Viewing(view.seen_at, view.viewer_id) for view in views), reverse=True)
    assert list(CassandraStore(session).latest_viewers(story, None, 50)) == expected


_OLD_AUTHOR_STORY = "INSERT INTO stories_by_author (author_id, bucket, story_id) VALUES (?, ?, ?)"
_OLD_COMMENT = "INSERT INTO comments (comment_id, content_id, user_id) VALUES (?, ?, ?)"
_OLD_AUTHOR_POST = "INSERT INTO posts_by_author (author_id, bucket, post_id) VALUES (?, ?, ?)"
_OLD_AUTHOR_BUCKET = "INSERT INTO author_buckets (author_id, bucket) VALUES (?, ?)"
TAGGED = {"now": 1_735_689_600_000, "long ago": 1_400_000_000_000}
_OLD_TAG_POST = "INSERT INTO posts_by_tag (tag, bucket, post_id) VALUES (?, ?, ?)"


class Interrupted:
    """Writes so many times, then Ctrl-C."""

    def __init__(self, *, after: int) -> None:
        self._left = after

    def __call__(self, session: Session, writes: Iterable[Write]) -> None:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        write_all(session, writes)


def test_the_shipped_keyspace_is_up_to_date(session: Session, stack: Settings) -> None:
    migrate(session, stack.keyspace)
    require_migrated(session, stack.keyspace)
    with pytest.raises(InvalidRequest):
        session.run("SELECT nonsense FROM posts")


def test_a_keyspace_of_an_impossible_name_is_refused(session: Session) -> None:
    with pytest.raises(UserError, match="cannot be the name of a keyspace"):
        migrate(session, "x; DROP KEYSPACE system", migrations=in_order([]))


@produces("Cassandra's nodes do not agree on the schema after … s")
def test_nodes_that_do_not_agree_on_the_schema_end_the_migration(
    session: Session, keyspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "await_schema_agreement", lambda *_: False)
    with pytest.raises(UserError, match="do not agree on the schema") as error:
        migrate(session, keyspace, migrations=[ONE])
    assert "all nodes are up" in str(error.value.hint)
