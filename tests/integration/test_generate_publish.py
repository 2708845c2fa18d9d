"""Generated events reach the log whole, and bad records lie among them as bytes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from streams.app.outlets import open_log
from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.contracts.batch import ErrorCode, Record
from streams.contracts.catalog import topics
from streams.contracts.events import Event, PostCreated
from streams.contracts.reading import read
from streams.contracts.rows import events_of
from streams.generate.network import Network
from streams.generate.outlets import PoisonedLog
from streams.generate.poison import KINDS
from streams.generate.world import Plan
from streams.registry import SchemaRegistry
from streams.topics import Topics
from tests.local_stack import own_settings

START = 1_735_689_600_000


@pytest.fixture
def log_servers(tmp_path: Path) -> Iterator[Settings]:
    """A broker and a registry of their own: nobody else's views see the bad records."""
    settings = own_settings(tmp_path)
    servers = local_stack(settings)
    try:
        servers.up(("kafka", "registry"))
        Topics(settings.bootstrap).apply()
        list(SchemaRegistry(settings.registry_url).register())
        yield settings
    finally:
        servers.down()


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
        assert isinstance(log, PoisonedLog)
        for event in network:
            log.send(event)

    found: list[Event] = []
    refused: Counter[tuple[str, bytes | None, bytes | None, ErrorCode]] = Counter()
    by_topic: dict[str, list[Record]] = {}
    for record in everything(log_servers):
        by_topic.setdefault(record.topic, []).append(record)
    lookup = SchemaRegistry(log_servers.registry_url).schema_text
    for topic, records in by_topic.items():
        batch, rejected = read(records, topic, lookup)
        refused.update((topic, bad.record.key, bad.record.value, bad.code) for bad in rejected)
        for record_type, columns in batch.columns.items():
            found.extend(events_of(record_type, columns))

    # Only the store can tell a second create: until then it is an event like others.
    assert {poison.code for poison in log.dropped} == set(ErrorCode)
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
