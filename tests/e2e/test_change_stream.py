"""The change stream while its servers are killed, the registry is away, and a schema is refused.

On a stack of its own, for Connect knows one accounts database and its servers are shot at.
"""

import json
import os
import re
import signal
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from streams.accounts.capture_metrics import GAVE_UP, RESTARTS, SLOT_LAG
from streams.accounts.changes import AudienceCounted, AudienceTier, Moved
from streams.accounts.connect_client import ConnectorState
from streams.accounts.database import Connection
from streams.accounts.store import AccountStore
from streams.app.accounts import change_stream
from streams.app.accounts.database import accounts_connection, accounts_store, migrate_accounts
from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.errors import StoreUnavailableError, UserError
from streams.stack.stack import Stack
from streams.stack.supervision.status import ProgramStatus
from tests.support.accounts import SECRET_COLUMNS, SECRETS, signed_up
from tests.support.captured import changes
from tests.support.change_capture import apply
from tests.support.commands import storyline
from tests.support.local_stack import own_settings
from tests.support.secrets_scan import find_secrets, in_schemas
from tests.support.workers import wait_until

pytestmark = pytest.mark.stack

USERS = 5
MANY = 100


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A private stack whose accounts are captured, with the watcher at work."""
    quick = {"cdc_poll_s": 0.5, "cdc_restarts": 2}
    own = own_settings(tmp_path_factory.mktemp("cdc")).model_copy(update=quick)
    servers = local_stack(own)
    try:
        servers.up(["connect"])
        migrate_accounts(own, lambda _: None)
        with accounts_store(own) as store:
            store.apply([signed_up(user_id) for user_id in range(1, USERS + 1)])
        apply(own)
        servers.start_workers(["cdc"])
        yield own
    finally:
        servers.down()


@pytest.fixture
def database(settings: Settings) -> Iterator[Connection]:
    with accounts_connection(settings) as connection:
        yield connection


@pytest.fixture
def servers(settings: Settings) -> Stack:
    return local_stack(settings)


class Writer(threading.Thread):
    """Changes one account after the other, each change a transaction, until told to stop.

    What PostgreSQL may or may not have taken is repeated, as an accounts service would.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self.stopping = threading.Event()
        self.written = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with accounts_store(self._settings) as store:
                    self._write(store)
            except (StoreUnavailableError, UserError):
                self.stopping.wait(0.1)

    def _write(self, store: AccountStore) -> None:
        while not self.stopping.is_set():
            count = self.written + 1
            change = AudienceCounted(
                user_id=count % USERS + 1,
                at=2_000 + count,
                follower_count=count,
                audience_tier=AudienceTier.REGULAR,
            )
            store.apply([change])
            self.written = count
            self.stopping.wait(0.002)

    def wait_for(self, more: int) -> None:
        wanted = self.written + more
        wait_until(lambda: self.written >= wanted, what=f"{more} more changes")


def program(servers: Stack, name: str) -> ProgramStatus:
    return next(row for row in servers.status() if row.name == name)


def kill(servers: Stack, name: str) -> int:
    """kill -9 of a server; its process id."""
    pid = program(servers, name).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def wait_until_back(servers: Stack, name: str, killed: int) -> None:
    def back() -> bool:
        row = program(servers, name)
        return row.state == "ready" and row.pid != killed

    wait_until(back, what=f"{name} again")


def flows(settings: Settings) -> bool:
    try:
        with change_stream.change_stream(settings) as stream:
            return stream.status().flows
    except (StoreUnavailableError, UserError):
        return False


def task_state(settings: Settings) -> ConnectorState | None:
    with change_stream.change_stream(settings) as stream:
        connector = stream.status().connector
    return connector.tasks[0].state if connector and connector.tasks else None


def wait_until_failed(settings: Settings) -> None:
    wait_until(
        lambda: task_state(settings) is ConnectorState.FAILED, poll_s=0.05, what="a failed task"
    )


def captured_countries(settings: Settings, user_id: int) -> list[str]:
    return [
        change.after["country"]
        for change in changes(settings)
        if change.user_id == user_id and change.op == "u" and change.after
    ]


def watcher_log(settings: Settings) -> list[dict[str, object]]:
    lines = (settings.home / "cdc" / "worker.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def events(settings: Settings, name: str) -> list[dict[str, object]]:
    return [line for line in watcher_log(settings) if line["event"] == name]


def metric(settings: Settings, name: str) -> float:
    (told,) = (settings.home / "run" / "workers").glob("cdc.*.json")
    url = json.loads(told.read_bytes())["metrics"]
    found = re.search(rf"^{name}{{.*}} (\S+)$", httpx2.get(url).text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_killed_servers_neither_lose_nor_repeat_a_change(
    settings: Settings, servers: Stack
) -> None:
    writer = Writer(settings)
    writer.start()
    try:
        for name in ("connect", "postgres"):
            writer.wait_for(MANY)
            killed = kill(servers, name)
            wait_until_back(servers, name, killed)
            writer.wait_for(MANY)
            wait_until(lambda: flows(settings), what="changes flowing again")
        writer.wait_for(MANY)
    finally:
        writer.stopping.set()
        writer.join(60)

    expected: dict[int, list[int]] = defaultdict(list)
    for count in range(1, writer.written + 1):
        expected[count % USERS + 1].append(count)

    def counts() -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for change in changes(settings):
            if change.op == "u" and change.after and change.user_id:
                found[change.user_id].append(change.after["follower_count"])
        return found

    newest = writer.written
    wait_until(
        lambda: any(newest in of_user for of_user in counts().values()), what="the last change"
    )
    assert counts() == expected
    assert metric(settings, SLOT_LAG) >= 0
    assert events(settings, "waiting for Kafka Connect")


def test_a_registry_that_is_away_at_a_new_schema_holds_it_up_until_it_is_back(
    settings: Settings, servers: Stack, database: Connection
) -> None:
    restarts = metric(settings, RESTARTS)
    killed = kill(servers, "registry")
    database.execute("ALTER TABLE users ALTER COLUMN country DROP NOT NULL")
    AccountStore(database).apply([Moved(user_id=1, at=10**9, country="IS")])
    wait_until_failed(settings)
    wait_until(
        lambda: events(settings, "waiting for the registry before a restart"),
        poll_s=0.05,
        what="the watcher waiting for the registry",
    )
    assert program(servers, "registry").state != "ready"
    wait_until_back(servers, "registry", killed)
    wait_until(lambda: "IS" in captured_countries(settings, 1), what="the change that waited")
    assert captured_countries(settings, 1).count("IS") == 1
    assert metric(settings, RESTARTS) > restarts
    assert metric(settings, GAVE_UP) == 0


def test_a_schema_that_the_registry_refuses_is_left_to_a_person(
    settings: Settings, database: Connection
) -> None:
    store = AccountStore(database)
    for column in ("display_name", "handle"):  # going back to a registered schema is no change
        database.execute(f"ALTER TABLE users ALTER COLUMN {column} DROP NOT NULL".encode())
    store.apply([Moved(user_id=2, at=10**9, country="IS")])
    wait_until(lambda: "IS" in captured_countries(settings, 2), what="a row of the new schema")

    database.execute("ALTER TABLE users ALTER COLUMN display_name SET NOT NULL")
    store.apply([Moved(user_id=2, at=10**9 + 1, country="NO")])
    wait_until_failed(settings)
    given_up = wait_until(lambda: events(settings, "gave up"), what="the watcher giving up")
    assert "Incompatible artifact: accounts.public.users-value" in str(given_up[-1]["error"])
    assert "undo the change of the table" in str(given_up[-1]["advice"])
    assert given_up[-1]["level"] == "error"
    wait_until(lambda: metric(settings, GAVE_UP) == 1, what="the metric of giving up")
    told = storyline(settings, "cdc", "status", "--json")
    assert told.returncode == 3
    shown = json.loads(told.stdout)
    assert (shown["flows"], shown["tasks"]) == (False, ["FAILED"])
    assert "undo the change of the table" in shown["advice"]
    again = storyline(settings, "cdc", "restart")
    assert again.returncode == 1
    assert "Incompatible artifact" in again.stderr

    database.execute("ALTER TABLE users ALTER COLUMN display_name DROP NOT NULL")
    undone = storyline(settings, "cdc", "restart")
    assert undone.returncode == 0, undone.stderr
    wait_until(lambda: "NO" in captured_countries(settings, 2), what="the change that waited")
    assert captured_countries(settings, 2).count("NO") == 1
    wait_until(lambda: metric(settings, GAVE_UP) == 0, what="the metric of health")


def test_or_the_subject_is_let_change(settings: Settings, database: Connection) -> None:
    """The other way out that the operators' page describes."""
    database.execute("ALTER TABLE users ALTER COLUMN display_name SET NOT NULL")
    AccountStore(database).apply([Moved(user_id=3, at=10**9, country="NO")])
    wait_until_failed(settings)
    subject = f"{change_stream.capture(settings).topic}-value"
    rules = f"{settings.converter_registry_url}/groups/default/artifacts/{subject}/rules"
    rule = {"type": "COMPATIBILITY", "config": "NONE"}
    httpx2.post(rules, json=rule).raise_for_status()
    restarted = storyline(settings, "cdc", "restart")
    assert restarted.returncode == 0, restarted.stderr
    wait_until(lambda: "NO" in captured_countries(settings, 3), what="the change that waited")
    assert captured_countries(settings, 3).count("NO") == 1

    httpx2.put(f"{rules}/COMPATIBILITY", json=rule | {"config": "BACKWARD"}).raise_for_status()
    database.execute("ALTER TABLE users ALTER COLUMN verified DROP NOT NULL")
    AccountStore(database).apply([Moved(user_id=3, at=10**9 + 1, country="SE")])
    wait_until(lambda: "SE" in captured_countries(settings, 3), what="a compatible change")


def test_after_all_that_the_secrets_are_nowhere(settings: Settings) -> None:
    """In no topic (Connect's own and aborted records included), schema or log."""
    assert find_secrets(settings, SECRETS) == []
    columns = re.compile("|".join(SECRET_COLUMNS).encode())
    assert list(in_schemas(settings, columns)) == []


def test_the_search_finds_what_is_hidden(settings: Settings, tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    import polars

    own = settings.model_copy(update={"lake": tmp_path / "lake"})
    (tmp_path / "lake").mkdir()
    polars.DataFrame({"who": ["x", "hidden-in-parquet"]}).write_parquet(
        tmp_path / "lake" / "part.parquet", compression="zstd"
    )
    log = settings.home / "cdc" / "test.log"
    log.write_text("x" * 3_000_000 + "hidden-in-a-log")
    texts = ("hidden-in-parquet", "hidden-in-a-log", "user.1", "follower_count")
    found = find_secrets(own, texts)
    log.unlink()
    for place in ("lake ", "file cdc/test.log", "topic accounts.public.users", "schema accounts."):
        assert any(line.startswith(place) for line in found), (place, found)
