"""Logs that are not a plain row of small records: compacted, cut off, huge, null."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streams.app.settings import Settings
from streams.kafka.consumer_groups import Progress
from streams.record import Record
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.monitoring.blockages import Blockages
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.worker import Worker
from tests.support.worker_thread import work_beside
from tests.support.workers import wait_until

LARGEST = 8_000_000
"""Bytes; the runtime asks for one MiB of a partition at a time."""

pytestmark = pytest.mark.stack


class Collector:
    """A pipeline that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.blockages = Blockages()

    def run(self, batches: Sequence[RawBatch]) -> None:
        self.records += [record for batch in batches for record in batch.records(Record)]


class Log:
    """A topic of one partition, and a group of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.topic = self.group = f"test.odd.{time.time_ns()}"
        self.bootstrap = settings.bootstrap
        self._folder = folder
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        self.producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "enable.idempotence": True,
                "message.max.bytes": 2 * LARGEST,
            }
        )

    def create(self, config: Mapping[str, str]) -> None:
        topic = NewTopic(self.topic, 1, 1, config=dict(config))
        for answer in self.admin.create_topics([topic]).values():
            answer.result(30)

    def append(self, key: bytes | None, value: bytes | None) -> None:
        self.producer.produce(self.topic, key=key, value=value)
        assert self.producer.flush(60) == 0

    def is_read(self) -> bool:
        (lag,) = Progress(self.bootstrap).lag({self.group: [self.topic]})
        return lag.lag == 0

    def offsets(self) -> list[int]:
        """Of the records that the log holds, as another client reads them."""
        config = {"bootstrap.servers": self.bootstrap, "group.id": "look", "log_level": 0}
        consumer = Consumer(config | {"enable.partition.eof": True})
        consumer.assign([TopicPartition(self.topic, 0, 0)])
        found: list[int] = []
        while (message := consumer.poll(30)) is not None and message.error() is None:
            found.append(message.offset() or 0)
        consumer.close()
        return found

    def work(self, until: Callable[[], Any]) -> list[Record]:
        """What a worker of the group reads until a condition holds."""
        collector = Collector()
        config = WorkerConfig(self.group, self.bootstrap, self._folder, commit_every_s=0.1)
        pipelines: Any = {self.topic: collector}
        metrics, stopping = Metrics(self.group), threading.Event()
        worker = Worker(config, pipelines, metrics=metrics, stopping=stopping)
        work_beside(worker, lambda: wait_until(until, timeout_s=60))
        return collector.records


@pytest.fixture
def log(stack: Settings, tmp_path: Path) -> Iterator[Log]:
    made = Log(stack, tmp_path)
    yield made
    for answer in made.admin.delete_topics([made.topic]).values():
        answer.exception(20)


def test_what_compaction_took_is_neither_missed_nor_waited_for(log: Log) -> None:
    log.create(
        {
            "cleanup.policy": "compact",
            "segment.ms": "100",
            "min.cleanable.dirty.ratio": "0.001",
            "max.compaction.lag.ms": "100",
        }
    )
    count = 60
    sent = {}
    for number in range(count):
        # What is written once stays, and what is written again and again goes, around it.
        key = b"once %d" % number if number % 10 == 3 else b"again %d" % (number % 7)
        log.append(key, b"%d" % number)
        sent[key] = b"%d" % number

    def compacted() -> bool:
        log.append(b"tick", b"")  # closes the segment before
        return len(log.offsets()) < count // 2

    wait_until(compacted, timeout_s=90, poll_s=1, what="compaction")
    left = log.offsets()
    assert left[0] == 3
    assert left[-1] - left[0] >= len(left), "there are holes between the records"
    read = log.work(log.is_read)
    assert {record.offset for record in read} >= set(log.offsets())
    assert {record.key: record.value for record in read if record.key != b"tick"} == sent


def test_a_log_whose_beginning_was_deleted_is_read_from_where_it_begins(log: Log) -> None:
    log.create({})
    for number in range(20):
        log.append(b"key", b"%d" % number)
    for answer in log.admin.delete_records([TopicPartition(log.topic, 0, 12)]).values():
        answer.result(30)
    assert [record.offset for record in log.work(log.is_read)] == list(range(12, 20))


def test_huge_empty_and_null_records_arrive_as_they_are(log: Log) -> None:
    log.create({"max.message.bytes": str(2 * LARGEST)})
    huge = os.urandom(LARGEST)
    sent = [(b"key", b"before"), (None, huge), (b"", b""), (b"key", None), (None, huge[::-1])]
    for key, value in sent:
        log.append(key, value)
    read = log.work(log.is_read)
    assert [(record.key, record.value) for record in read] == sent
