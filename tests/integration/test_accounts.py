"""The accounts database on a real server: migrations, rules, and changes applied twice."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from streams.accounts.changes import (
    AccountChange,
    AccountDeleted,
    AudienceCounted,
    AudienceTier,
    Moved,
    PrivacySet,
    Renamed,
)
from streams.accounts.database import Connection, Server, connect
from streams.accounts.migrate import CaptureRole, migrate, require_migrated
from streams.accounts.migrations import shipped
from streams.accounts.rule_breaks import rule_breaks
from streams.accounts.store import AccountRefusedError, AccountStore, Applied
from streams.app.accounts.database import accounts_server
from streams.app.settings import Settings
from streams.errors import StoreUnavailableError, UserError
from streams.migration_files import Migrated, Migration
from tests.support.accounts import SECRETS, signed_up
from tests.support.local_stack import free_ports
from tests.support.messages import produces, shown

pytestmark = pytest.mark.stack

ROLE = CaptureRole("test_cdc")
ONE = Migration(1, "one", "CREATE TABLE one (key int);\n")
TWO = Migration(2, "two", "CREATE TABLE two (key int);\nINSERT INTO two VALUES (1);\n")
READ = "SELECT handle, country, is_private, follower_count FROM users WHERE user_id = %s"


@pytest.fixture
def server(stack: Settings) -> Iterator[Server]:
    """A database that no other test uses, not made yet."""
    with own_database(stack) as named:
        yield named


@pytest.fixture(scope="module")
def migrated(stack: Settings) -> Iterator[Server]:
    with own_database(stack) as named:
        migrate(named, ROLE)
        yield named


@pytest.fixture
def database(migrated: Server) -> Iterator[Connection]:
    """A migrated database, with nothing in it."""
    with connect(migrated) as connection:
        connection.execute("TRUNCATE users, closed_accounts")
        yield connection


@contextmanager
def own_database(stack: Settings) -> Iterator[Server]:
    """The name of one, which is dropped at the end."""
    name = f"test_{random.SystemRandom().getrandbits(48):x}"
    named = replace(accounts_server(stack), database=name)
    yield named
    with connect(named.maintenance) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def store(database: Connection) -> AccountStore:
    return AccountStore(database)


def tables(server: Server) -> set[str]:
    with connect(server) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return {name for (name,) in connection.execute(query).fetchall()}


def rows(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT * FROM users ORDER BY user_id").fetchall()


def test_a_second_run_changes_nothing(server: Server) -> None:
    assert migrate(server, ROLE, migrations=[ONE]) == Migrated(("0001_one",), ())
    assert migrate(server, ROLE, migrations=[ONE]) == Migrated((), ("0001_one",))
    told: list[str] = []
    again = migrate(server, ROLE, migrations=[ONE, TWO], progress=told.append)
    assert again == Migrated(("0002_two",), ("0001_one",))
    assert told == ["0002_two"]
    assert {"one", "two"} < tables(server)


def test_an_edited_or_unknown_migration_is_refused(server: Server) -> None:
    migrate(server, ROLE, migrations=[ONE, TWO])
    edited = replace(ONE, text=ONE.text + "-- a thought\n")
    with pytest.raises(UserError, match="0001_one was edited after it was applied"):
        migrate(server, ROLE, migrations=[edited, TWO])
    with pytest.raises(UserError, match="migration 0002, which this release does not know"):
        migrate(server, ROLE, migrations=[ONE])


def test_a_migration_that_fails_leaves_nothing_behind(server: Server) -> None:
    broken = replace(TWO, text=TWO.text + "nonsense;\n")
    with pytest.raises(psycopg.errors.SyntaxError):
        migrate(server, ROLE, migrations=[ONE, broken])
    assert "one" in tables(server)
    assert "two" not in tables(server)
    assert migrate(server, ROLE, migrations=[ONE, TWO]).applied == ("0002_two",)


def test_several_at_once_apply_each_migration_once(server: Server) -> None:
    """Also the database itself is made once; the statements fail when they are run twice."""
    done: list[Migrated] = []
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        done.append(migrate(server, ROLE, migrations=[ONE, TWO]))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both = ("0001_one", "0002_two")
    assert sorted(one.applied for one in done) == [(), (), both]


@produces("another migration of the accounts database is running")
def test_who_waits_too_long_for_another_is_told(server: Server) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold(_: str) -> None:
        entered.set()
        assert leave.wait(60)

    slow = threading.Thread(
        target=lambda: migrate(server, ROLE, migrations=[ONE], progress=hold), daemon=True
    )
    slow.start()
    try:
        assert entered.wait(60)
        with pytest.raises(UserError, match=r"another migration .* is running"):
            migrate(server, ROLE, migrations=[ONE], lock_wait_s=0.2)
    finally:
        leave.set()
        slow.join()


@produces(
    "PostgreSQL at … has no database …", "database … is missing …", "database … has no tables yet"
)
def test_missing_outdated_and_current_are_told_apart(server: Server) -> None:
    with pytest.raises(UserError, match=f"no database {server.database}") as missing:
        connect(server)
    assert missing.value.hint is not None
    assert "storyline migrate" in missing.value.hint
    with (
        connect(server.maintenance) as empty,
        pytest.raises(UserError, match="database postgres has no tables yet"),
    ):
        require_migrated(empty)
    migrate(server, ROLE, migrations=[])
    with connect(server) as connection:
        with pytest.raises(UserError, match="is missing 0001_users, 0002_capture"):
            require_migrated(connection)
        migrate(server, ROLE, migrations=shipped())
        require_migrated(connection)


@produces("PostgreSQL at …: …")
def test_a_wrong_user_and_a_missing_server_are_told(server: Server) -> None:
    with pytest.raises(UserError, match='role "nobody_here" does not exist') as wrong:
        connect(replace(server.maintenance, user="nobody_here"))
    assert wrong.value.hint is not None
    assert "STORYLINE_ACCOUNTS__USER" in wrong.value.hint
    (port,) = free_ports(1)
    with pytest.raises(StoreUnavailableError, match="refused"):
        connect(replace(server, port=port))


@produces(
    "users_created_at_in_years_1_to_9999",
    "users_updated_at_in_years_1_to_9999",
    "… is outside the years 1 to 9999",
)
def test_rows_that_break_a_new_rule_fail_no_migration_and_are_listed(server: Server) -> None:
    *earlier, newest = shipped()
    migrate(server, ROLE, migrations=earlier)
    with connect(server) as connection:
        AccountStore(connection).apply([signed_up(user_id) for user_id in range(1, 6)])
        for user_id, time in enumerate(("infinity", "10000-01-01 00:00Z", "0001-12-31 BC"), 1):
            connection.execute(
                "UPDATE users SET created_at = %s, updated_at = 'infinity' WHERE user_id = %s",
                (time, user_id),
            )
        assert rule_breaks(connection) == []
        assert migrate(server, ROLE).applied == (newest.title,)
        found = rule_breaks(connection)
        rules = [f"users_{name}_in_years_1_to_9999" for name in ("created_at", "updated_at")]
        assert [(one.user_id, one.rule) for one in found] == [
            (user_id, rule) for rule in rules for user_id in (1, 2, 3)
        ]
        moved = Moved(user_id=2, at=4_000_000_000_000, country="IS")
        with pytest.raises(AccountRefusedError, match="created_at is outside the years"):
            AccountStore(connection).apply([moved])
        connection.execute("UPDATE users SET created_at = now(), updated_at = now()")
        assert rule_breaks(connection) == []
        edges = ("0001-01-01 00:00Z", "9999-12-31 23:59:59.999999Z")
        connection.execute("UPDATE users SET created_at = %s, updated_at = %s", edges)
        for column, time in (
            ("created_at", "-infinity"),
            ("created_at", "0001-12-31 BC"),
            ("updated_at", "infinity"),
            ("updated_at", "10000-01-01 00:00Z"),
        ):
            query = sql.SQL("UPDATE users SET {} = %s").format(sql.Identifier(column))
            rule = f"{column}_in_years_1_to_9999"
            with pytest.raises(psycopg.errors.CheckViolation, match=rule) as refused:
                connection.execute(query, (time,))
            shown(str(refused.value))


@produces("PostgreSQL does not let … do it: …")
def test_a_user_without_the_right_to_migrate_is_told(migrated: Server) -> None:
    with pytest.raises(UserError, match="does not let test_cdc do it"):
        migrate(replace(migrated, user=ROLE.name), ROLE)


def test_impossible_names_are_refused(server: Server) -> None:
    with pytest.raises(UserError, match="cannot be the name"):
        migrate(replace(server, database='x"; DROP'), ROLE)
    with pytest.raises(UserError, match="cannot be the name"):
        migrate(server, CaptureRole('x"; DROP'))


def test_the_capture_role_may_read_and_beat_but_not_write(
    migrated: Server, store: AccountStore
) -> None:
    store.apply([signed_up(1)])
    with connect(replace(migrated, user=ROLE.name)) as role:
        assert role.execute("SELECT count(*) FROM users").fetchone() == (1,)
        role.execute("UPDATE cdc_heartbeat SET ts = now() WHERE id = 1")
        for forbidden in (
            "UPDATE users SET country = 'DE'",
            "DELETE FROM users",
            "TRUNCATE users",
            "UPDATE cdc_heartbeat SET id = 2",
            "SELECT * FROM closed_accounts",
            "SELECT * FROM schema_migrations",
            "CREATE TABLE mine (x int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(forbidden.encode())
    with connect(migrated) as connection:
        rights = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles "
            "WHERE rolname = %s",
            (ROLE.name,),
        ).fetchone()
    assert rights == (False, False, False, True)


def test_each_change_does_what_it_says(store: AccountStore, database: Connection) -> None:
    done = store.apply(
        [
            signed_up(1),
            Renamed(user_id=1, at=1_001, handle="Ann", display_name="Ann A."),
            Moved(user_id=1, at=1_002, country="IS"),
            PrivacySet(user_id=1, at=1_003, is_private=True),
            AudienceCounted(
                user_id=1, at=1_004, follower_count=9, audience_tier=AudienceTier.POPULAR
            ),
        ]
    )
    assert done == Applied(5, 0)
    assert database.execute(READ, (1,)).fetchone() == ("Ann", "IS", True, 9)
    times = "SELECT extract(epoch FROM created_at), extract(epoch FROM updated_at) FROM users"
    created, updated = database.execute(times.encode()).fetchone() or (0, 0)
    assert (float(created), float(updated)) == (1.0, 1.004)
    assert store.apply([AccountDeleted(user_id=1, at=1_005)]) == Applied(1, 0)
    assert rows(database) == []
    assert store.apply([signed_up(1, 1_006, handle="back")]) == Applied(1, 0)
    assert database.execute(READ, (1,)).fetchone() == ("back", "AT", False, 0)


def test_a_sequence_applied_again_writes_nothing(store: AccountStore, database: Connection) -> None:
    """Though handles went from one account to another, and one was deleted and came back."""
    sequence = [
        signed_up(1, 1_000, handle="a"),
        Renamed(user_id=1, at=1_001, handle="b", display_name="B"),
        signed_up(2, 1_002, handle="A"),
        AccountDeleted(user_id=2, at=1_003),
        signed_up(3, 1_004, handle="a"),
        signed_up(2, 1_005, handle="c"),
        AccountDeleted(user_id=1, at=1_006),
        signed_up(4, 1_007, handle="b"),
    ]
    assert store.apply(sequence) == Applied(8, 0)
    before = rows(database)
    written = "SELECT pg_current_xact_id_if_assigned(), sum(xmin::text::bigint) FROM users"
    stamp = database.execute(written.encode()).fetchone()
    for again in (sequence, sequence[:5], sequence[5:]):
        assert store.apply(again) == Applied(0, len(again))
    assert rows(database) == before
    assert database.execute(written.encode()).fetchone() == stamp


def test_what_has_nothing_to_do_is_skipped(store: AccountStore) -> None:
    moved = Moved(user_id=1, at=1_001, country="IS")
    assert store.apply([signed_up(1), moved]) == Applied(2, 0)
    assert store.apply([moved]) == Applied(0, 1)
    later = [
        signed_up(1, 2_000, handle="other"),
        Moved(user_id=7, at=2_000, country="IS"),
        AccountDeleted(user_id=7, at=2_001),
    ]
    assert store.apply(later) == Applied(0, 3)


def test_changes_of_an_account_out_of_order_are_a_mistake_of_the_caller(
    store: AccountStore, database: Connection
) -> None:
    with pytest.raises(ValueError, match="account 1 are not in order"):
        store.apply([signed_up(1, 2_000), Moved(user_id=1, at=2_000, country="IS")])
    assert rows(database) == []


BAD: dict[str, tuple[AccountChange, str]] = {
    "handle-taken": (signed_up(9, handle="USER.1"), "handle is taken"),
    "handle-shape": (signed_up(9, handle="with space"), "a handle is 1 to 30"),
    "handle-empty": (signed_up(9, handle=""), "a handle is 1 to 30"),
    "rename-taken": (
        Renamed(user_id=2, at=2_000, handle="User.1", display_name="x"),
        "handle is taken",
    ),
    "name": (signed_up(9, display_name=""), "display name"),
    "country": (signed_up(9, country="at"), "two capital letters"),
    "moved": (Moved(user_id=2, at=2_000, country="Austria"), "two capital letters"),
    "email": (signed_up(9, email="nobody"), "e-mail"),
    "hash": (signed_up(9, password_hash=""), "password hash"),
    "type": (signed_up(9, account_type="robot"), "account type"),
    "tier": (signed_up(9, audience_tier="huge"), "audience tier"),
    "count": (signed_up(9, follower_count=-1), "not negative"),
    "count-huge": (signed_up(9, follower_count=1 << 63), "out of range"),
    "id": (signed_up(0), "not positive"),
    "nul": (signed_up(9, display_name="a\0b"), "NUL"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_change_that_breaks_a_rule_is_named_and_nothing_is_written(
    store: AccountStore, database: Connection, case: str
) -> None:
    bad, reason = BAD[case]
    store.apply([signed_up(1), signed_up(2)])
    before = rows(database)
    batch = [Moved(user_id=1, at=1_500, country="IS"), bad, signed_up(10)]
    with pytest.raises(AccountRefusedError, match=reason) as refused:
        store.apply(batch)
    assert refused.value.change is bad
    assert f"account {bad.user_id}, {type(bad).__name__} at 1970-01-01T" in refused.value.message
    shown = f"{refused.value.message} {refused.value.hint} {refused.value.__context__}"
    assert not any(secret in shown for secret in SECRETS)
    assert rows(database) == before
    assert store.apply([batch[0], batch[2]]) == Applied(2, 0)


def test_twenty_thousand_sign_ups_are_one_transaction(
    store: AccountStore, database: Connection
) -> None:
    people = [signed_up(user_id) for user_id in range(1, 20_001)]
    assert store.apply(people) == Applied(20_000, 0)
    one = "SELECT count(*), count(DISTINCT xmin::text) FROM users"
    assert database.execute(one.encode()).fetchone() == (20_000, 1)
    with pytest.raises(AccountRefusedError, match=r"account 20001, .* handle is taken"):
        store.apply([signed_up(20_001, handle="USER.7"), *people])


def test_two_writers_wait_for_each_other(migrated: Server, database: Connection) -> None:
    """Each sequence opens and deletes the same accounts; none may meet the other half-way."""
    sequence = [
        change
        for user_id in range(1, 101)
        for change in (signed_up(user_id), AccountDeleted(user_id=user_id, at=1_001))
    ]
    done: list[Applied] = []

    def work() -> None:
        with connect(migrated) as own:
            done.append(AccountStore(own).apply(sequence))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.changed for one in done) == [0, 0, 200]


def test_a_connection_that_was_cut_is_no_answer(migrated: Server, database: Connection) -> None:
    with connect(migrated) as own:
        pid = own.info.backend_pid
        database.execute("SELECT pg_terminate_backend(%s)", (pid,))
        with pytest.raises(StoreUnavailableError):
            AccountStore(own).apply([signed_up(1)])
    assert AccountStore(database).apply([signed_up(1)]) == Applied(1, 0)
