"""From a row in PostgreSQL to a record in Kafka, on the real servers."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import psycopg
import pytest

from streams.accounts.changes import AccountDeleted, Moved, Renamed
from streams.accounts.connect_client import ConnectClient, ConnectRefusedError
from streams.accounts.connector import (
    CAPTURED,
    Capture,
    connector_config,
    side_topic_config,
    topic_config,
)
from streams.accounts.database import Connection, connect
from streams.accounts.slot import drop_slot
from streams.accounts.store import AccountRefusedError, AccountStore
from streams.app.accounts import change_stream
from streams.app.accounts.database import accounts_connection, accounts_server, accounts_store
from streams.app.broker import schema_registry
from streams.app.settings import AccountsSettings, Ports, Settings
from streams.contracts.cdc import read_changes
from streams.contracts.codec import RegistryUnavailableError
from streams.contracts.tables import DEBEZIUM_UNAVAILABLE, UNAVAILABLE
from streams.errors import UserError
from streams.kafka.schema_registry import LEVEL
from streams.record import Record
from tests.support.accounts import SECRET_COLUMNS, SECRETS, signed_up
from tests.support.captured import Change, changes, raw_records, topics
from tests.support.change_capture import apply, captured, own_accounts
from tests.support.local_stack import free_ports
from tests.support.messages import produces, shown
from tests.support.secrets_scan import in_files, in_schemas, in_topics
from tests.support.workers import wait_until

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


UNANNOUNCED = (
    "text[] NOT NULL DEFAULT '{}'",
    "numeric(5,-2) DEFAULT 100",
    "numeric NOT NULL DEFAULT 'NaN'",
    r"bytea NOT NULL DEFAULT '\x00'",
    "inet NOT NULL DEFAULT '::1'",
    "int4range NOT NULL DEFAULT '[1,2)'",
    "money NOT NULL DEFAULT 3",
    "tags",
    "mood[] NOT NULL DEFAULT '{good}'",
    "bigint GENERATED ALWAYS AS IDENTITY",
    "text GENERATED ALWAYS AS (lower(handle)) STORED",
    "uuid NOT NULL DEFAULT gen_random_uuid()",
    "interval NOT NULL DEFAULT '1 day'",
    "point",
)
"""Columns whose default or type Debezium announces so that the registry or a reader refuses it."""


def with_earlier_config(capture: Capture) -> dict[str, str]:
    """The configuration of the releases that captured every column but the secret ones."""
    config = connector_config(capture)
    for name in ("column.include.list", "message.key.columns", "unavailable.value.placeholder"):
        del config[name]
    secret = ",".join(f"public.users.{name}" for name in SECRET_COLUMNS)
    return config | {"table.include.list": "public.users", "column.exclude.list": secret}


@produces("the connector failed: …")
def test_no_added_column_stops_the_stream(stack: Settings) -> None:
    """A connector of an earlier release, which one stopped, is moved over and goes on."""
    with own_accounts(stack) as own, accounts_connection(own) as connection:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("streams.accounts.stream.connector_config", with_earlier_config)
            apply(own)
        store = AccountStore(connection)
        store.apply([signed_up(1)])
        captured(own, 1)
        connection.execute("CREATE DOMAIN tags AS text[] NOT NULL DEFAULT '{}'")
        connection.execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
        for number, kind in enumerate(UNANNOUNCED):
            connection.execute(f"ALTER TABLE users ADD COLUMN added_{number} {kind}".encode())
        store.apply([signed_up(2)])
        wait_until(lambda: has_failed(own), what="the earlier connector's failure")
        with (
            change_stream.change_stream(own) as stream,
            pytest.raises(UserError, match="the connector failed: ") as failed,
        ):
            stream.restart(within_s=30)
        assert failed.value.hint
        changed, standing = change_stream.apply(own, lambda _: None)
        assert changed
        assert standing.flows
        # The key stays the account's, whatever becomes of the primary key.
        connection.execute(
            "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (user_id, country)"
        )
        store.apply([signed_up(3)])
        connection.execute("ALTER TABLE users DROP CONSTRAINT users_pkey")
        store.apply([signed_up(4)])
        with change_stream.change_stream(own) as stream:
            stream.restart(within_s=60)
        store.apply([signed_up(5)])
        found = captured(own, 5)
        assert [
            (one.op, one.user_id) for one in sorted(found, key=lambda one: one.user_id or 0)
        ] == [("c", user_id) for user_id in range(1, 6)], "no snapshot, nothing lost, nothing twice"
        for one in found:
            assert set(one.after or {}) == set(CAPTURED)


def has_failed(settings: Settings) -> bool:
    with change_stream.change_stream(settings) as stream:
        connector = stream.status().connector
    return connector is not None and connector.failed


def test_odd_values_and_unsent_texts_land(stack: Settings) -> None:
    """Times beyond any table degrade one column; a name is told from Debezium's placeholder."""
    with own_accounts(stack) as own, accounts_connection(own) as connection:
        for rule in ("created_at_in_years_1_to_9999", "updated_at_in_years_1_to_9999", "times"):
            connection.execute(f"ALTER TABLE users DROP CONSTRAINT users_{rule}".encode())
        apply(own)
        AccountStore(connection).apply([signed_up(1)])
        odd = ("infinity", "-infinity", "0044-03-15 12:00Z BC", "294276-12-31 23:59:59Z")
        for time in odd:
            connection.execute("UPDATE users SET created_at = %s, updated_at = %s", (time, time))
        edges = ("0001-01-01 00:00Z", "9999-12-31 23:59:59.999999Z")
        connection.execute("UPDATE users SET created_at = %s, updated_at = %s", edges)
        connection.execute("UPDATE users SET handle = %s", (DEBEZIUM_UNAVAILABLE,))
        for statement in TOASTED:
            connection.execute(statement.encode())
        connection.execute("UPDATE users SET country = 'FR'")
        connection.execute("UPDATE users SET user_id = 2")
        connection.execute("DELETE FROM users")
        captured(own, 14)
        rows = landed(own)
    assert [row["op"] for row in rows] == list("cuuuuuuuudcd")
    times = [(row["after"]["created_at"], row["after"]["updated_at"]) for row in rows[1:6]]
    assert times[:4] == [(None, None)] * 4
    assert times[4] == (
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    )
    assert [row["degraded"] is not None for row in rows] == [False, *[True] * 4, *[False] * 7]
    assert (rows[6]["after"]["handle"], rows[6]["before"] is None) == (DEBEZIUM_UNAVAILABLE, False)
    moved, new = rows[8], rows[10]
    assert (moved["after"]["display_name"], moved["before"]) == (UNAVAILABLE, None)
    assert (new["user_id"], new["old_key"]) == (2, 1)
    assert new["after"]["display_name"] == UNAVAILABLE


TOASTED = (
    "ALTER TABLE users REPLICA IDENTITY DEFAULT",
    "ALTER TABLE users ADD pad text, ALTER pad SET STORAGE PLAIN, "
    "ALTER display_name SET STORAGE EXTERNAL, ALTER handle SET STORAGE PLAIN, "
    "ALTER email SET STORAGE PLAIN, ALTER password_hash SET STORAGE PLAIN",
    "ALTER TABLE users SET (toast_tuple_target = 128)",
    "UPDATE users SET display_name = repeat('n', 100), pad = repeat('p', 3000)",
)
"""The name lies outside the row, and only the key of the row before a change is sent."""


def landed(settings: Settings) -> list[dict[str, Any]]:
    """What the lake makes of the captured changes, in PostgreSQL's order; nothing is refused."""
    names = change_stream.capture(settings).topic
    records = [
        Record(
            raw.topic, raw.partition, raw.offset, 1_800_000_000_000, raw.key, raw.value, raw.headers
        )
        for raw in raw_records(settings, names)
    ]
    found = read_changes(records, schema_registry(settings).schema_text)
    assert found.rejected == []
    rows: list[dict[str, Any]] = found.rows.to_pylist()
    kept = [row for row in rows if row["op"] != "tombstone"]
    return sorted(kept, key=lambda row: (row["lsn"], row["tx_order"]))


@produces("PostgreSQL refuses it: …")
def test_a_planned_change_is_tried_without_a_trace(
    settings: Settings, database: Connection
) -> None:
    captured_until_now(settings)
    before = schema_of(database)
    for text, harmed in (
        ("ALTER TABLE users ADD COLUMN interests text[] NOT NULL DEFAULT '{}'", False),
        (
            'ALTER TABLE "public".users ADD karma numeric(5,-2); ANALYZE users',
            False,
        ),
        ("CREATE DOMAIN nick AS varchar(40); ALTER TABLE users ALTER handle TYPE nick", False),
        ("ALTER TABLE public.users ALTER country DROP NOT NULL", False),
        ("ALTER TABLE users ALTER follower_count TYPE int", True),
        ("ALTER TABLE users RENAME handle TO nick", True),
        ('ALTER TABLE users ADD "Handle" text', True),
        ("DROP TABLE users", True),
        ("REVOKE SELECT ON users FROM storyline_cdc", True),
        ("ALTER TABLE users ENABLE ROW LEVEL SECURITY", True),
    ):
        found = change_stream.check_ddl(settings, text)
        assert any(one.harm for one in found) == harmed, (text, found)
    for text, reason in (
        ("nonsense", "syntax error"),
        ("ALTER TABLE users ADD x int; COMMIT", "transaction commands"),
        ("DROP TABLE cdc_heartbeat", "must be owner"),
    ):
        with pytest.raises(UserError, match=reason):
            change_stream.check_ddl(settings, text)
    assert schema_of(database) == before


def schema_of(connection: Connection) -> list[Any]:
    """Tables, columns, rights, schemas and roles."""
    queries = (
        "SELECT oid, relname, relacl, relreplident, relrowsecurity, relnatts FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT nspname FROM pg_namespace ORDER BY 1",
        "SELECT rolname FROM pg_roles ORDER BY 1",
    )
    return [connection.execute(query.encode()).fetchall() for query in queries]


@produces("the connector captures columns of another list")
def test_the_registry_is_asked_about_a_column_that_must_not_be_null_again(stack: Settings) -> None:
    """And an earlier connector, which any column could stop, is told."""
    with own_accounts(stack) as own, accounts_connection(own) as connection:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("streams.accounts.stream.connector_config", with_earlier_config)
            apply(own)
        (told,) = (one for one in change_stream.check_ddl(own, "ANALYZE users") if one.harm)
        assert "columns of another list" in shown(told.what)
        assert "storyline cdc apply" in told.advice
        apply(own)
        assert change_stream.check_ddl(own, "ANALYZE users") == []
        connection.execute("ALTER TABLE users ALTER country DROP NOT NULL")
        AccountStore(connection).apply([signed_up(1)])
        captured(own, 1)
        again = "ALTER TABLE users ALTER country SET NOT NULL"
        (refused,) = (one for one in change_stream.check_ddl(own, again) if one.harm)
        assert refused.what.startswith("the registry refuses the new schema")
        connection.execute("ALTER TABLE users ALTER handle DROP NOT NULL")
        AccountStore(connection).apply([signed_up(2)])
        captured(own, 2)
        back = "ALTER TABLE users ALTER handle SET NOT NULL"
        assert change_stream.check_ddl(own, back) == [], "that schema is registered already"


@produces("columns … of users differ only by case, which stops the change stream for good")
def test_a_column_that_differs_only_by_case_is_refused_at_the_source(database: Connection) -> None:
    """Debezium would stop for good, captured or not."""
    with pytest.raises(psycopg.errors.RaiseException, match="differ only by case") as refused:
        database.execute('ALTER TABLE users ADD COLUMN "Handle" text')
    shown(str(refused.value))
    database.execute('ALTER TABLE users ADD COLUMN "Handles" text')
    database.execute('ALTER TABLE users DROP COLUMN "Handles"')


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


@produces("the slot … is in use: …")
def test_slot_that_the_connector_reads_is_not_dropped(
    settings: Settings, database: Connection
) -> None:
    with pytest.raises(UserError, match=r"slot .* is in use: .* is active") as refused:
        drop_slot(database, change_stream.capture(settings).slot)
    assert "storyline cdc drop" in str(refused.value.hint)


@produces("no changes flow after …", "Kafka Connect did not let go of …")
def test_connector_that_is_too_slow_is_reported(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_accounts(stack) as own:
        with pytest.raises(UserError, match="no changes flow after 0 s: ") as late:
            change_stream.apply(own, lambda _: None, within_s=0)
        assert "storyline logs connect" in str(late.value.hint)
        apply(own)
        with monkeypatch.context() as patch, change_stream.change_stream(own) as stream:
            patch.setattr(ConnectClient, "stop", lambda *_: None)
            patch.setattr("streams.accounts.stream._LET_GO_S", 0.3)
            with pytest.raises(UserError, match="did not let go of") as held:
                stream.drop()
        assert "storyline cdc drop" in str(held.value.hint)
        with change_stream.change_stream(own) as stream:
            stream.drop()


@produces("Kafka Connect has no connector …")
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


@produces(
    "the Kafka broker at … does not answer",
    "the schema registry at … does not answer",
    "Kafka Connect … does not answer",
)
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
        accounts = AccountsSettings(database=own.accounts.database, cdc_user="nobody_here")
        wrong = own.model_copy(update={"accounts": accounts})
        with pytest.raises(ConnectRefusedError, match='role "nobody_here" does not exist'):
            change_stream.apply(wrong, lambda _: None)
        with ConnectClient(own.connect_url) as client:
            assert client.config(own.accounts.database) is None


def secrets_pattern(*texts: str) -> re.Pattern[bytes]:
    return re.compile(b"|".join(re.escape(text.encode()) for text in texts))
