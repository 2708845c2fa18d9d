"""Generated events reach the log whole, with accounts beside them and bad records among them."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.accounts.json_codec import to_json
from streams.app.accounts.database import accounts_connection, migrate_accounts
from streams.app.events.event_writers import open_log
from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.contracts.batch import ErrorCode
from streams.contracts.catalog import topics
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import Event, PostCreated
from streams.contracts.records import Records
from streams.contracts.rows import events_of
from streams.contracts.times import format_time
from streams.generate.accounts import accounts_of
from streams.generate.event_writers import PoisonedWriter
from streams.generate.malformed_records import KINDS
from streams.generate.network import Network
from streams.generate.world import Plan
from streams.kafka.schema_registry import SchemaRegistry
from streams.kafka.topics import Topics
from streams.record import Record
from tests.support.account_rows import Row, Rows
from tests.support.commands import storyline
from tests.support.imported import SAMPLES, jetstream, sample_lines
from tests.support.local_stack import free_ports, own_settings

START = 1_735_689_600_000


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Servers of their own: nobody else's views see the bad records."""
    settings = own_settings(tmp_path_factory.mktemp("log"))
    stack = local_stack(settings)
    try:
        stack.up(("kafka", "registry", "postgres"))
        yield settings
    finally:
        stack.down()


@pytest.fixture
def log_servers(servers: Settings) -> Iterator[Settings]:
    """The servers with empty topics and every schema."""
    Topics(servers.bootstrap).apply()
    list(SchemaRegistry(servers.registry_url).register())
    yield servers
    admin = AdminClient({"bootstrap.servers": servers.bootstrap, "log_level": 0})
    for answer in admin.delete_topics(list(topics())).values():
        answer.result(30)


def everything(settings: Settings) -> Iterator[Record]:
    """Every record of every topic."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "unused"})
    partitions = [
        TopicPartition(name, partition, 0)
        for name, spec in topics().items()
        for partition in range(spec.partitions)
    ]
    left = sum(consumer.get_watermark_offsets(each, timeout=10)[1] for each in partitions)
    consumer.assign(partitions)
    while left:
        messages = consumer.consume(min(left, 1000), timeout=10)
        assert messages, f"{left} records did not come"
        left -= len(messages)
        for message in messages:
            assert message.error() is None
            yield Record(
                message.topic() or "",
                message.partition() or 0,
                message.offset() or 0,
                message.timestamp()[1],
                message.key(),
                message.value(),
            )
    consumer.close()


@pytest.mark.stack
def test_every_event_arrives_once_and_every_bad_record_is_refused(log_servers: Settings) -> None:
    network = list(Network(Plan(users=300, events=3000, seed=11, start=START)))
    with open_log(log_servers, bad=len(KINDS), events=len(network)) as log:
        assert isinstance(log, PoisonedWriter)
        for event in network:
            log.send(event)

    found: list[Event] = []
    refused: Counter[tuple[str, bytes | None, bytes | None, ErrorCode]] = Counter()
    by_topic: dict[str, list[Record]] = {}
    for record in everything(log_servers):
        by_topic.setdefault(record.topic, []).append(record)
    lookup = SchemaRegistry(log_servers.registry_url).schema_text
    for topic, records in by_topic.items():
        batch, rejected = decode_and_validate(Records.of(records), topic, lookup)
        refused.update((topic, bad.record.key, bad.record.value, bad.code) for bad in rejected)
        for record_type, columns in batch.columns.items():
            found.extend(events_of(record_type, columns))

    # Only the store can tell a second create: until then it is an event like others.
    not_of_bytes = {ErrorCode.STORE_REFUSED, ErrorCode.OPERATOR_REJECTED}
    assert {poison.code for poison in log.dropped} == set(ErrorCode) - not_of_bytes
    seconds = [poison for poison in log.dropped if poison.code is ErrorCode.ID_CONFLICT]
    assert refused == Counter(set(log.dropped) - set(seconds))
    (second,) = (Counter(found) - Counter(network)).elements()
    assert Counter(found) - Counter([second]) == Counter(network)
    assert isinstance(second, PostCreated)
    (first,) = (
        event
        for event in network
        if isinstance(event, PostCreated) and event.post_id == second.post_id
    )
    assert first.event_id < second.event_id


def users(settings: Settings) -> dict[str, Row]:
    """The rows of `users` in the terms of the JSON form."""
    with accounts_connection(settings) as connection:
        cursor = connection.execute("SELECT * FROM users")
        names = [column.name for column in cursor.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in cursor]
    for row in found:
        row["user_id"] = str(row["user_id"])
        for name in ("created_at", "updated_at"):
            row[name] = format_time(round(row[name].timestamp() * 1000))
    return {row["user_id"]: row for row in found}


@pytest.mark.stack
def test_accounts_are_kept_beside_the_events_and_missing_servers_stop_both(
    log_servers: Settings,
) -> None:
    generate = ("generate", "--users=300", "--events=3000", "--seed=11", "--publish")
    ports = log_servers.ports.model_copy(update={"postgres": free_ports(1)[0]})
    without = storyline(log_servers.model_copy(update={"ports": ports}), *generate)
    assert (without.returncode, without.stdout) == (1, "")
    assert "PostgreSQL does not answer" in without.stderr
    without = storyline(log_servers, *generate)
    assert without.returncode == 1
    assert "create it with: storyline migrate" in without.stderr
    assert not list(everything(log_servers))

    migrate_accounts(log_servers, lambda _: None)
    assert storyline(log_servers, *generate, "--limit=9", "--no-accounts").returncode == 0
    assert not users(log_servers)
    assert len(list(everything(log_servers))) == 9

    done = storyline(log_servers, *generate, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    plan = Plan(users=300, events=3000, seed=11, start=1_736_121_600_000)
    network, accounts = list(Network(plan)), accounts_of(plan)
    changes = list(accounts.founding()) + [
        change for event in network for change in accounts.before(event)
    ]
    expected = Rows().fold(map(to_json, changes))
    assert users(log_servers) == expected.rows
    assert summary["account_changes"] == len(changes)
    assert summary["accounts"] == Counter(type(change).__name__ for change in changes)
    assert (summary["events"], summary["accounts_skipped"]) == (3000, 0)
    assert len(list(everything(log_servers))) == 9 + 3000

    again = storyline(log_servers, *generate, "--json")
    assert json.loads(again.stdout)["accounts_skipped"] == len(changes)
    assert users(log_servers) == expected.rows


def decoded(settings: Settings) -> Counter[Event]:
    """Return the events of every record in the log."""
    by_topic: dict[str, list[Record]] = {}
    for record in everything(settings):
        by_topic.setdefault(record.topic, []).append(record)
    lookup = SchemaRegistry(settings.registry_url).schema_text
    found: Counter[Event] = Counter()
    for topic, records in by_topic.items():
        batch, rejected = decode_and_validate(Records.of(records), topic, lookup)
        assert not rejected
        for record_type, columns in batch.columns.items():
            found.update(events_of(record_type, columns))
    return found


@pytest.mark.stack
def test_jetstream_sample_loaded_twice_is_in_the_log_twice_with_the_same_events(
    log_servers: Settings, tmp_path: Path
) -> None:
    sample, mapping = str(SAMPLES / "jetstream.jsonl"), str(tmp_path / "ids")
    load = ("load", "jetstream", sample, "--mapping", mapping, "--publish", "--json")
    expected = Counter(jetstream(sample_lines()))
    for times in (1, 2):
        done = storyline(log_servers, *load)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["input"]["lines"] == 29
        assert decoded(log_servers) == Counter(
            {event: count * times for event, count in expected.items()}
        )
