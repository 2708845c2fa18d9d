"""From a row in PostgreSQL to a record in Kafka, on the real servers."""

import random
import re
from collections.abc import Iterator

import httpx2
import pytest

from streams.accounts.changes import AccountDeleted, Moved, Renamed
from streams.accounts.connect_client import ConnectClient, ConnectRefusedError
from streams.accounts.connector import side_topic_config, topic_config
from streams.accounts.database import Connection, connect
from streams.accounts.store import AccountRefusedError, AccountStore
from streams.app import change_stream
from streams.app.accounts import accounts_connection, accounts_server, accounts_store
from streams.app.settings import Accounts, Ports, Settings
from streams.contracts.codec import RegistryUnavailableError
from streams.errors import UserError
from streams.registry import LEVEL
from tests.accounts import SECRET_COLUMNS, SECRETS, signed_up
from tests.captured import Change, changes, topics
from tests.capturing import apply, captured, own_accounts
from tests.local_stack import free_ports
from tests.secrets_scan import in_files, in_schemas, in_topics
from tests.workers import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Iterator[Settings]:
    """A captured database whose snapshot has the users 1 and 2."""
    with own_accounts(stack) as own:
        with accounts_store(own) as store:
            store.apply([signed_up(1), signed_up(2)])
        apply(own)
        yield own


@pytest.fixture
def database(settings: Settings) -> Iterator[Connection]:
    with accounts_connection(settings) as connection:
        yield connection


@pytest.fixture
def user_id() -> int:
    """Of an account that no other test has."""
    return random.SystemRandom().randrange(1_000, 1 << 53)


def marker(settings: Settings) -> int:
    """A sign-up of its own, after whose capture everything before it is captured, too."""
    user_id = random.SystemRandom().randrange(1_000, 1 << 53)
    with accounts_store(settings) as store:
        store.apply([signed_up(user_id)])
    return user_id


def captured_until_now(settings: Settings) -> list[Change]:
    end = marker(settings)
    wait_until(
        lambda: any(change.user_id == end for change in changes(settings)),
        what="the marker's capture",
    )
    # Read again: a transaction becomes visible in one partition after the other.
    return changes(settings)


def of(settings: Settings, *user_ids: int) -> list[Change]:
    return [change for change in captured_until_now(settings) if change.user_id in user_ids]


def test_the_snapshot_comes_first_and_its_end_is_marked(settings: Settings) -> None:
    snapshot = [change for change in captured(settings, 2) if change.op == "r"]
    assert sorted(change.user_id or 0 for change in snapshot) == [1, 2]
    assert {change.source["snapshot"] for change in snapshot} == {"first", "last"}
    for change in snapshot:
        assert change.before is None
        assert change.after is not None
        assert change.after["handle"] == f"user.{change.user_id}"


def test_each_kind_of_change_has_its_record(
    settings: Settings, database: Connection, user_id: int
) -> None:
    AccountStore(database).apply(
        [
            signed_up(user_id, 1_000),
            Renamed(user_id=user_id, at=1_001, handle=f"n.{user_id}", display_name="Ann"),
            Moved(user_id=user_id, at=1_002, country="IS"),
            AccountDeleted(user_id=user_id, at=1_003),
        ]
    )
    created, renamed, moved, deleted, tombstone = of(settings, user_id)
    assert [one.op for one in (created, renamed, moved, deleted, tombstone)] == [
        *("c", "u", "u", "d"),
        "tombstone",
    ]
    assert created.before is None
    assert created.after is not None
    assert created.after["created_at"] == "1970-01-01T00:00:01.000000Z"
    assert renamed.before == created.after
    assert renamed.after == created.after | {
        "handle": f"n.{user_id}",
        "display_name": "Ann",
        "updated_at": "1970-01-01T00:00:01.001000Z",
    }
    assert moved.before == renamed.after
    assert deleted.before == moved.after
    assert deleted.after is None


def test_a_key_change_is_a_delete_and_a_create_that_name_each_other(
    settings: Settings, database: Connection, user_id: int
) -> None:
    AccountStore(database).apply([signed_up(user_id)])
    database.execute("UPDATE users SET user_id = user_id + 1 WHERE user_id = %s", (user_id,))
    found = of(settings, user_id, user_id + 1)
    old = [one for one in found if one.user_id == user_id]
    (new,) = (one for one in found if one.user_id == user_id + 1)
    assert [one.op for one in old] == ["c", "d", "tombstone"]
    assert new.op == "c"
    assert b"%d" % (user_id + 1) in old[1].headers["__debezium.newkey"]
    assert b"%d" % user_id in new.headers["__debezium.oldkey"]


def test_a_change_of_the_secrets_alone_tells_nothing(
    settings: Settings, database: Connection, user_id: int
) -> None:
    AccountStore(database).apply([signed_up(user_id)])
    new = (f"other@{SECRETS[0]}", f"{SECRETS[1]}other", user_id)
    database.execute("UPDATE users SET email = %s, password_hash = %s WHERE user_id = %s", new)
    _, changed = of(settings, user_id)
    assert changed.op == "u"
    assert changed.before == changed.after
    assert changed.after is not None
    assert not set(SECRET_COLUMNS) & set(changed.after)


def test_truncate_has_neither_key_nor_row(settings: Settings, database: Connection) -> None:
    before = sum(change.op == "t" for change in captured_until_now(settings))
    database.execute("TRUNCATE users")
    truncated = [change for change in captured_until_now(settings) if change.op == "t"]
    assert len(truncated) == before + 1
    assert (truncated[-1].user_id, truncated[-1].before, truncated[-1].after) == (None,) * 3


def test_an_added_column_comes_with_the_next_change(stack: Settings) -> None:
    """And one that was dropped leaves with it."""
    with own_accounts(stack) as own, accounts_connection(own) as connection:
        apply(own)
        store = AccountStore(connection)
        store.apply([signed_up(1)])
        connection.execute("ALTER TABLE users ADD COLUMN bio text")
        connection.execute("ALTER TABLE users ADD COLUMN level int NOT NULL DEFAULT 7")
        store.apply([signed_up(2)])
        connection.execute("ALTER TABLE users DROP COLUMN bio")
        store.apply([signed_up(3)])
        rows = {change.user_id: change.after or {} for change in captured(own, 3)}
        assert "bio" not in rows[1]
        assert (rows[2]["bio"], rows[2]["level"]) == (None, 7)
        assert "bio" not in rows[3]
        assert rows[3]["level"] == 7


def test_what_a_rule_refuses_is_not_captured(
    settings: Settings, database: Connection, user_id: int
) -> None:
    store = AccountStore(database)
    store.apply([signed_up(user_id, handle=f"Ann{user_id % 10**9}")])
    clash = signed_up(user_id + 1, handle=f"aNN{user_id % 10**9}")
    wrong = Moved(user_id=user_id, at=2_000, country="Austria")
    for bad in (clash, wrong):
        with pytest.raises(AccountRefusedError):
            store.apply([Moved(user_id=user_id, at=1_500, country="IS"), bad])
    (created,) = of(settings, user_id, user_id + 1)
    assert created.op == "c"
    assert created.after is not None
    assert created.after["country"] == "AT"


def test_the_secrets_are_in_no_topic_schema_or_file(
    settings: Settings, database: Connection, user_id: int
) -> None:
    """After sign-ups, deletions and refused rows. The search itself finds what is there."""
    store = AccountStore(database)
    store.apply([signed_up(user_id), AccountDeleted(user_id=user_id, at=1_001)])
    with pytest.raises(AccountRefusedError):
        store.apply([signed_up(user_id, 1_002, country="at")])
    captured_until_now(settings)
    secret = secrets_pattern(*SECRETS)
    assert list(in_topics(settings, secret)) == []
    assert list(in_files(settings, secret)) == []
    assert list(in_schemas(settings, secrets_pattern(*SECRET_COLUMNS))) == []
    known = secrets_pattern(f"user.{user_id}")
    assert any(
        change_stream.capture(settings).topic in place for place in in_topics(settings, known)
    )
    assert list(in_schemas(settings, secrets_pattern("follower_count")))


def test_topics_are_kept_as_long_as_they_are_of_use(settings: Settings) -> None:
    captured_until_now(settings)
    capture = change_stream.capture(settings)
    assert {capture.topic, *capture.side_topics} <= set(topics(settings))
    assert topic_config()["retention.ms"] == "-1"
    assert side_topic_config()["retention.ms"] == "86400000"
    # No topic of the heartbeat's table: its writes only move the slot.
    assert not [name for name in topics(settings) if name == f"{capture.name}.public.cdc_heartbeat"]


def test_the_slot_follows_though_nobody_changes_an_account(
    settings: Settings, stack: Settings
) -> None:
    """Write-ahead log of another database of the server must not pile up behind the slot."""
    with (
        connect(accounts_server(stack).maintenance) as other,
        change_stream.change_stream(settings) as stream,
    ):
        position = str(other.execute("SELECT pg_current_wal_lsn()").fetchone())
        query = "SELECT pg_logical_emit_message(true, 'test', repeat('x', 100000))"
        other.execute(query.encode())

        def caught_up() -> bool:
            slot = stream.status().slot
            return slot is not None and slot.lag_bytes is not None and slot.lag_bytes < 50_000

        wait_until(caught_up, timeout_s=30, what=f"the slot passing {position}")
        age = stream.status().heartbeat_age_s
        assert age is not None
        assert age < 10


def test_apply_again_changes_nothing(settings: Settings) -> None:
    changed, standing = change_stream.apply(settings, lambda _: None)
    assert not changed
    assert standing.flows


def test_apply_sets_the_level_of_the_registry(settings: Settings) -> None:
    url = f"{settings.registry_url}/config"
    assert httpx2.get(url).json()["compatibilityLevel"] == LEVEL


def test_drop_begins_anew_with_a_snapshot(stack: Settings) -> None:
    with own_accounts(stack) as own, accounts_store(own) as store:
        store.apply([signed_up(1)])
        apply(own)
        captured(own, 1)
        with change_stream.change_stream(own) as stream:
            stream.drop()
            assert stream.status()[:2] == (None, None)
            stream.drop()  # nothing to drop is no error
            with pytest.raises(UserError, match="has no connector"):
                stream.restart(within_s=1)
        store.apply([signed_up(2), AccountDeleted(user_id=1, at=2_000)])
        apply(own)
        assert {(one.op, one.user_id) for one in captured(own, 2)} == {("r", 1), ("r", 2)}


def test_each_missing_server_is_named(stack: Settings) -> None:
    with own_accounts(stack) as own:
        for name, error, told in (
            ("postgres", UserError, "PostgreSQL does not answer"),
            ("registry", RegistryUnavailableError, "registry at .* does not answer"),
            ("kafka", UserError, "Kafka broker at .* does not answer"),
            ("connect", UserError, "Kafka Connect at .* does not answer"),
        ):
            (port,) = free_ports(1)
            ports = Ports(**stack.ports.model_dump() | {name: port})
            away = own.model_copy(update={"ports": ports})
            with pytest.raises(error, match=told) as raised:
                change_stream.apply(away, lambda _: None)
            assert "storyline up" in str(raised.value.hint).lower()


def test_a_wrong_capture_role_is_told_in_connects_words(stack: Settings) -> None:
    with own_accounts(stack) as own:
        accounts = Accounts(database=own.accounts.database, cdc_user="nobody_here")
        wrong = own.model_copy(update={"accounts": accounts})
        with pytest.raises(ConnectRefusedError, match='role "nobody_here" does not exist'):
            change_stream.apply(wrong, lambda _: None)
        with ConnectClient(own.connect_url) as client:
            assert client.config(own.accounts.database) is None


def secrets_pattern(*texts: str) -> re.Pattern[bytes]:
    return re.compile(b"|".join(re.escape(text.encode()) for text in texts))
