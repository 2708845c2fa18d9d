"""A pipeline that is stuck: the other topics go on, and what waits for it stays within bounds."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.app.settings import Settings
from streams.kafka.consumer_groups import Progress
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.consumer_rules import Buffer
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.monitoring.blockages import Blockages
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.worker import Worker
from tests.support.worker_thread import work_beside
from tests.support.workers import wait_until

LARGE, RECORDS = 100_000, 100
FETCH = 1_048_576
"""Bytes that the runtime fetches of a partition at once."""
BUFFER = Buffer(size=2 * FETCH, batches=64)

pytestmark = pytest.mark.stack


@pytest.fixture
def topics(stack: Settings) -> Iterator[tuple[str, str]]:
    """Two topics of one partition, each with ten megabytes of records."""
    stuck, flowing = (f"test.backpressure.{name}.{time.time_ns()}" for name in ("stuck", "flowing"))
    admin = AdminClient({"bootstrap.servers": stack.bootstrap, "log_level": 0})
    for answer in admin.create_topics([NewTopic(name, 1, 1) for name in (stuck, flowing)]).values():
        answer.result(30)
    producer = Producer({"bootstrap.servers": stack.bootstrap, "enable.idempotence": True})
    for topic in (stuck, flowing):
        for number in range(RECORDS):
            producer.produce(topic, value=number.to_bytes(4, "big") + os.urandom(LARGE - 4))
    assert producer.flush(60) == 0
    yield stuck, flowing
    for answer in admin.delete_topics([stuck, flowing]).values():
        answer.exception(20)


class Pipeline:
    """Takes what it is given once its gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.blockages = Blockages()
        self.numbers: list[int] = []
        self.begun = 0

    def run(self, batches: Sequence[RawBatch]) -> None:
        self.begun += 1
        assert self.gate.wait(120)
        self.numbers += [
            int.from_bytes((value or b"")[:4], "big") for batch in batches for value in batch.values
        ]


def test_a_stuck_topic_holds_up_no_other_and_fetches_no_more_than_it_may(
    stack: Settings, tmp_path: Path, topics: tuple[str, str]
) -> None:
    group = f"test.backpressure.{time.time_ns()}"
    pipelines: dict[str, Any] = {topic: Pipeline() for topic in topics}
    stuck, flowing = (pipelines[topic] for topic in topics)
    config = WorkerConfig(
        group, stack.bootstrap, tmp_path, batch_records=5, commit_every_s=0.1, buffer=BUFFER
    )
    worker = Worker(config, pipelines, metrics=Metrics(group), stopping=threading.Event())

    def committed() -> list[int | None]:
        lags = Progress(stack.bootstrap).lag({group: topics})
        return [lag.committed for topic in topics for lag in lags if lag.topic == topic]

    def meanwhile() -> None:
        wait_until(lambda: stuck.begun, what="a batch of the stuck topic")
        flowing.gate.set()
        wait_until(lambda: committed() == [None, RECORDS], what="the other topic's end")
        assert BUFFER.size <= worker.status.buffered(topics[0]) <= BUFFER.size + FETCH
        assert worker.status.buffered(topics[1]) == 0
        stuck.gate.set()
        wait_until(lambda: committed() == [RECORDS, RECORDS], what="the end of both")

    work_beside(worker, meanwhile, failing=stuck.gate.set)
    assert stuck.numbers == flowing.numbers == list(range(RECORDS))
