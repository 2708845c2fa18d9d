"""Stretches of a topic of the real broker, in columns: exactly those records, and an end."""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.app.broker import log_reader
from streams.app.settings import Settings
from streams.kafka.log_reader import Span

PARTITIONS = 3

pytestmark = pytest.mark.stack


@pytest.fixture
def topic(stack: Settings) -> Iterator[str]:
    """Ten plain records in partition 0; in 1 three that were committed, and two that were not."""
    admin = AdminClient({"bootstrap.servers": stack.bootstrap, "log_level": 0})
    name = f"test.scan.{time.time_ns()}"
    for answer in admin.create_topics([NewTopic(name, PARTITIONS, 1)]).values():
        answer.result(30)
    _write(Producer({"bootstrap.servers": stack.bootstrap}), name, 0, "abcdefghij")
    careful = Producer({"bootstrap.servers": stack.bootstrap, "transactional.id": name})
    careful.init_transactions(30)
    careful.begin_transaction()
    _write(careful, name, 1, "klm")
    careful.commit_transaction(30)
    careful.begin_transaction()
    _write(careful, name, 1, "no")
    careful.abort_transaction(30)
    yield name
    for answer in admin.delete_topics([name]).values():
        answer.exception(20)


def _write(producer: Producer, topic: str, partition: int, values: str) -> None:
    for value in values:
        producer.produce(topic, key=b"key", value=value.encode(), partition=partition)
    assert producer.flush(30) == 0


def scanned(settings: Settings, topic: str, spans: dict[int, Span]) -> list[tuple[int, int, str]]:
    """Partition, offset and value of each record, by partition and offset."""
    return sorted(
        (place[0].as_py(), place[1].as_py(), (value or b"").decode())
        for records in log_reader(settings).scan(topic, spans)
        for place, value in zip(zip(*records.places[:2], strict=True), records.values, strict=True)
    )


def test_everything_is_read_and_the_scan_ends_behind_markers_of_transactions(
    stack: Settings, topic: str
) -> None:
    spans = log_reader(stack).spans(topic)
    assert spans == {0: Span(0, 10), 1: Span(0, 7), 2: Span(0, 0)}  # with two markers
    told = scanned(stack, topic, spans)
    assert [value for _, _, value in told] == list("abcdefghijklm")
    assert told[:10] == [(0, offset, value) for offset, value in enumerate("abcdefghij")]


def test_a_stretch_is_read_from_its_start_to_just_before_its_end(
    stack: Settings, topic: str
) -> None:
    assert scanned(stack, topic, {0: Span(2, 5)}) == [(0, 2, "c"), (0, 3, "d"), (0, 4, "e")]
    assert scanned(stack, topic, {0: Span(9, 10), 1: Span(0, 1)}) == [(0, 9, "j"), (1, 0, "k")]
    assert scanned(stack, topic, {0: Span(4, 4), 2: Span(0, 0)}) == []


def test_records_carry_their_keys_and_append_times(stack: Settings, topic: str) -> None:
    (records,) = log_reader(stack).scan(topic, {0: Span(0, 1)})
    assert (list(records.keys), list(records.values)) == ([b"key"], [b"a"])
    assert abs(records.places[2][0].as_py() - time.time() * 1000) < 600_000
