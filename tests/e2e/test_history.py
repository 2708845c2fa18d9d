"""The historical half on real servers: PostgreSQL and Kafka to bronze, the star and answers.

A stack of its own, so that the log holds what this test wrote and nothing else.
"""

import json
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from streams.accounts.changes import AccountChange, AccountDeleted, Moved, Renamed, SignedUp
from streams.app.accounts import change_stream
from streams.app.accounts.database import accounts_connection, accounts_store, migrate_accounts
from streams.app.lake import run as lake_app
from streams.app.lake.run import run_lake
from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.app.workers.lag import lag_report
from streams.contracts.batch import ErrorCode
from streams.contracts.bronze import USERS_TOPIC
from streams.contracts.events import ContentKind, ContentLiked, Event
from streams.contracts.ids import SnowflakeGenerator
from streams.contracts.tables import BRONZE, DIM_USERS, QUARANTINE, STAR
from streams.generate.network import Network
from streams.generate.world import Plan
from tests.oracle.lake_facts import Facts, engagement, follows
from tests.support.commands import storyline
from tests.support.landed import lake_places, log_places, quarantined
from tests.support.line import WEEK_MS, fields, publish
from tests.support.local_stack import own_settings
from tests.support.secrets_scan import find_secrets
from tests.support.sparks import spark_session
from tests.support.workers import prepare, running_workers, wait_for_lag_zero, wait_until

pytestmark = pytest.mark.stack

USERS, EVENTS, BAD = 60, 3_000, len(ErrorCode)
"""Among the bad is an `id_conflict`: the lake lands both creates, and counts one of them."""
SECRETS = ("secret-mail-", "$synthetic$")
"""What every generated e-mail address and password hash contains."""
ATTRIBUTES = (
    "user_id, handle, display_name, country, account_type, is_private, verified, audience_tier,"
    " follower_count"
)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A stack with everything in place, whose lake worker does not wait for large batches."""
    home = tmp_path_factory.mktemp("history")
    settings = own_settings(home).model_copy(update={"lake_batch_wait_ms": 300})
    servers = local_stack(settings)
    try:
        servers.up()
        prepare(settings)
        migrate_accounts(settings, lambda _: None)
        change_stream.apply(settings, lambda _: None)
        yield settings
    finally:
        servers.down()


@dataclass(frozen=True, slots=True)
class Week:
    """What was published, and the seed of it."""

    seed: int
    events: list[Event]


def output_of(settings: Settings, *args: str) -> str:
    """Return the standard output of a command that must succeed."""
    done = storyline(settings, *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def publish_week(settings: Settings) -> Week:
    """A week that ends now, with the accounts of its people, repetitions and bad records."""
    seed = secrets.randbelow(1 << 32)
    print(f"seed {seed}")
    start = time.time_ns() // 1_000_000 - WEEK_MS
    shape = {"users": USERS, "events": EVENTS, "seed": seed, "start": start, "oddities": 0.05}
    options = [f"--{name}={value}" for name, value in shape.items()]
    output_of(settings, "generate", *options, "--duplicates=0.05", f"--bad={BAD}", "--publish")
    plan = Plan(users=USERS, events=EVENTS, seed=seed, start=start, oddities=0.05)
    return Week(seed, list(Network(plan)))


def rows(settings: Settings, table: str) -> list[dict[str, Any]]:
    found = pa.table(DeltaTable(settings.lake_path / table).scan())
    return found.to_pylist()  # type: ignore[no-any-return]


def star(settings: Settings) -> dict[str, Counter[str]]:
    """Every table of the star as a multiset of its rows."""
    return {
        table.name: Counter(
            json.dumps(row, default=str, sort_keys=True) for row in rows(settings, table.name)
        )
        for table in STAR
    }


def counted(facts: Iterable[dict[str, Any]]) -> Facts:
    return Counter((fact["event_type"], fact["event_date"]) for fact in facts)


def accounts(settings: Settings) -> set[tuple[Any, ...]]:
    """The accounts that there are, without what only PostgreSQL may know."""
    with accounts_connection(settings) as connection:
        return set(connection.execute(f"SELECT {ATTRIBUTES} FROM users").fetchall())  # noqa: S608


def current_users(settings: Settings) -> set[tuple[Any, ...]]:
    """The same as the lake tells it."""
    names = ATTRIBUTES.split(", ")
    return {
        tuple(row[name] for name in names)
        for row in rows(settings, "dim_users")
        if row["is_current"] and not row["is_inferred"]
    }


def change(settings: Settings, *changes: AccountChange) -> None:
    with accounts_store(settings) as store:
        store.apply(list(changes))


@pytest.fixture
def one_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run the jobs that this process starts in one JVM: a start costs more than their work."""
    with spark_session(tmp_path / "spark") as session:

        @contextmanager
        def here(*_: object) -> Iterator[SparkSession]:
            yield session

        monkeypatch.setattr(lake_app, "lake_session", here)
        yield


def wait_for_changes(settings: Settings) -> None:
    """Wait until every change of an account is in bronze."""
    wait_until(
        lambda: captured(settings) == accounts(settings), what="the change stream to catch up"
    )


def captured(settings: Settings) -> set[tuple[Any, ...]]:
    """The newest row of each account in the bronze change log."""
    names = ATTRIBUTES.split(", ")
    newest: dict[int, dict[str, Any]] = {}
    for row in sorted(rows(settings, "bronze_users_cdc"), key=lambda row: row["lsn"] or 0):
        if row["op"] != "tombstone":
            newest[row["user_id"]] = row["after"]
    return {tuple(row[name] for name in names) for row in newest.values() if row}


@pytest.mark.usefixtures("one_spark")
def test_the_line_from_postgres_and_kafka_to_an_answer(line: Settings) -> None:
    week = publish_week(line)
    random.seed(week.seed)
    published = [fields(event) for event in week.events]
    with running_workers(line, ["lake"]) as workers:
        wait_for_lag_zero(line, workers)
        wait_for_changes(line)
        run_lake(line, once=True)
        places = lake_places(line.lake_path)
        assert places == log_places(line, beginning(line)), "every record of the log, once"
        # An id conflict is no fault of the record: it lands, and the facts leave it out.
        assert len(quarantined(line.lake_path)) == BAD - 1
        assert_facts(line, published)
        assert current_users(line) == accounts(line)

        assert_status(line, places.total())
        first = star(line)
        output_of(line, "lake", "run", "--once")
        assert star(line) == first, "a run with nothing to do changes nothing"

        person = random.choice(sorted(accounts(line)))
        live = live_profile_change(line, person[0], person[1])
        wait_for_lag_zero(line, workers)
        wait_for_changes(line)
        run_lake(line, once=True)
        published += [fields(event) for event in live]
        assert_facts(line, published)
        assert current_users(line) == accounts(line)
        assert_as_of(line, person[0], live)
    settled = star(line)
    rebuild(line)
    assert star(line) == settled, "a star made again from bronze is the same star"
    assert find_secrets(line, SECRETS) == []
    daily = json.loads(output_of(line, "ask", "dau", "--json"))
    assert daily
    assert output_of(line, "ask", "engagement-by-country", "--csv").count("\n") > 1


def beginning(settings: Settings) -> list[Any]:
    """The whole log of every source topic."""
    return [lag._replace(committed=0, applied=None) for lag in lag_report(settings, ["lake"]).lags]


def assert_facts(settings: Settings, published: list[dict[str, Any]]) -> None:
    assert counted(rows(settings, "fact_engagement")) == engagement(published)
    assert counted(rows(settings, "fact_follows")) == follows(published)


def assert_status(settings: Settings, records: int) -> None:
    """`lake status` tells what is there, and that nothing is left to read on either side."""
    status = json.loads(output_of(settings, "lake", "status", "--json"))
    held = {table["table"]: table["rows"] for table in status["tables"]}
    assert held == {name: len(rows(settings, name)) for name in held}
    assert {table.name for table in STAR} <= set(held)
    landed = [held[name] for name in (*BRONZE.values(), QUARANTINE)]
    assert sum(landed) == records
    ends = {(at.topic, at.partition): at.end for at in lag_report(settings, ["lake"]).lags}
    for at in status["partitions"]:
        assert at["end"] == ends[at["topic"], at["partition"]]
        markers = at["topic"] == USERS_TOPIC  # those of Kafka's transactions come last
        assert at["next_offset"] <= at["end"] if markers else at["next_offset"] == at["end"], at
    assert sum(at["next_offset"] > 0 for at in status["partitions"]) > len(BRONZE)
    # Users inferred for the facts come after the restatement, which the next run then looks at.
    of_bronze = [query for query in status["queries"] if query["source"] != DIM_USERS.name]
    assert of_bronze
    assert all(query["read"] == query["version"] for query in of_bronze)


def live_profile_change(settings: Settings, user: int, handle: str) -> list[Event]:
    """The person acts, moves, acts, is deleted, comes back under another name, and acts again."""
    mint = SnowflakeGenerator(node=9)
    acts: list[Event] = []

    def at() -> int:
        return time.time_ns() // 1_000_000

    def act() -> None:
        # Events tell milliseconds, PostgreSQL microseconds: in one millisecond either is first.
        now = at()
        wait_until(lambda: at() > now, poll_s=0.001)
        event = ContentLiked(
            event_id=mint.next_id(),
            occurred_at=at(),
            user_id=user,
            content_kind=ContentKind.POST,
            content_id=mint.next_id(),
            owner_id=user,
        )
        publish(settings, [event])
        acts.append(event)

    act()
    change(settings, Moved(user_id=user, at=at(), country="IS"))
    act()
    change(settings, Renamed(user_id=user, at=at(), handle=handle, display_name="Renamed"))
    change(settings, AccountDeleted(user_id=user, at=at()))
    back = SignedUp(
        user_id=user,
        at=at(),
        handle="back.again",
        display_name="Back again",
        email=f"{SECRETS[0]}back@example.com",
        password_hash=f"{SECRETS[1]}back",
        country="NO",
    )
    change(settings, back)
    act()
    return acts


def assert_as_of(settings: Settings, user: int, acts: list[Event]) -> None:
    """Each act carries the version of its time, and the versions tell the whole story."""
    versions = sorted(
        (row for row in rows(settings, "dim_users") if row["user_id"] == user),
        key=lambda row: row["source_lsn"],
    )
    told = [(row["country"], row["display_name"], row["is_deleted"]) for row in versions[-4:]]
    before = versions[-4]
    assert told == [
        (before["country"], before["display_name"], False),
        ("IS", before["display_name"], False),
        ("IS", "Renamed", True),
        ("NO", "Back again", False),
    ]
    assert [row["is_current"] for row in versions[-4:]] == [False, False, False, True]
    for older, newer in zip(versions[-4:], versions[-3:], strict=False):
        assert older["valid_to"] <= newer["valid_from"]
    facts = {row["event_id"]: row for row in rows(settings, "fact_engagement")}
    for event, country in zip(acts, (before["country"], "IS", "NO"), strict=True):
        fact = facts[event.event_id]
        assert fact["occurred_at"] == datetime.fromtimestamp(event.occurred_at / 1000, UTC)
        assert fact["actor_country"] == country
        [version] = [row for row in versions if row["user_sk"] == fact["actor_sk"]]
        assert version["valid_from"] <= fact["occurred_at"]
        assert version["valid_to"] is None or fact["occurred_at"] < version["valid_to"]


def rebuild(settings: Settings) -> None:
    """Throw the star and its checkpoints away, and make it again from bronze."""
    trash = settings.home / "trash"
    trash.mkdir()
    for name in (*(table.name for table in STAR), "_checkpoints"):
        Path(settings.lake_path / name).rename(trash / name)
    run_lake(settings, once=True)
