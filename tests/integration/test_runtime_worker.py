"""The runtime alone on a real broker: what is committed, and when, whatever a pipeline does."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
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

RECORDS, BATCH = 100, 10
COMMIT_S = 0.1

pytestmark = pytest.mark.stack


class Log:
    """A topic of one partition with RECORDS records, and a group of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.topic = self.group = f"test.runtime.{time.time_ns()}"
        self.bootstrap = settings.bootstrap
        self.folder = folder
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        for answer in self.admin.create_topics([NewTopic(self.topic, 1, 1)]).values():
            answer.result(30)
        producer = Producer({"bootstrap.servers": self.bootstrap, "enable.idempotence": True})
        for number in range(RECORDS):
            producer.produce(self.topic, key=b"k", value=b"%d" % number, headers=[("h", b"\xff")])
        assert producer.flush(30) == 0

    def committed(self) -> int | None:
        (lag,) = Progress(self.bootstrap).lag({self.group: [self.topic]})
        return lag.committed

    def members(self) -> int:
        answer = self.admin.describe_consumer_groups([self.group])[self.group].result(30)
        return len(answer.members)

    def worker(self, pipeline: Any, metrics: Metrics | None = None) -> Worker:
        """A worker of the topic, in batches of BATCH."""
        config = WorkerConfig(
            self.group,
            self.bootstrap,
            self.folder,
            batch_records=BATCH,
            commit_every_s=COMMIT_S,
            stop_within_s=20,
        )
        return Worker(
            config,
            {self.topic: pipeline},
            metrics=metrics or Metrics(self.group),
            stopping=threading.Event(),
        )

    def work(self, pipeline: Any, meanwhile: Callable[[], None]) -> Metrics:
        """Run a worker here, `meanwhile` beside it; then tell the worker to stop."""
        metrics = Metrics(self.group)
        work_beside(self.worker(pipeline, metrics), meanwhile)
        return metrics


@pytest.fixture
def log(stack: Settings, tmp_path: Path) -> Iterator[Log]:
    made = Log(stack, tmp_path)
    yield made
    for answer in made.admin.delete_topics([made.topic]).values():
        answer.exception(20)


class Pipeline:
    """Remembers what it was given; may wait for a gate or fail at a batch."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.batches: list[Sequence[Record]] = []
        self.blockages = Blockages()
        self.gate = threading.Event()
        self._fails_at = fails_at

    def run(self, batches: Sequence[RawBatch]) -> None:
        if len(self.batches) == self._fails_at:
            raise ValueError("a bug")
        self.batches.append([record for batch in batches for record in batch.records(Record)])
        assert self.gate.wait(60)

    @property
    def values(self) -> list[bytes | None]:
        return [record.value for batch in self.batches for record in batch]


EVERYTHING = [b"%d" % number for number in range(RECORDS)]


def test_nothing_is_committed_while_a_batch_is_in_flight(log: Log) -> None:
    pipeline = Pipeline()

    def meanwhile() -> None:
        wait_until(lambda: pipeline.batches, what="a batch")
        time.sleep(10 * COMMIT_S)
        try:
            assert log.committed() is None
            assert log.members() == 1
        finally:
            pipeline.gate.set()
        wait_until(lambda: log.committed() == RECORDS, what="everything committed")

    metrics = log.work(pipeline, meanwhile)
    assert pipeline.values == EVERYTHING
    assert max(map(len, pipeline.batches)) == BATCH
    assert metrics.read()[log.topic].consumed == RECORDS
    record = pipeline.batches[0][0]
    assert (record.topic, record.partition, record.offset) == (log.topic, 0, 0)
    assert (record.key, record.headers) == (b"k", (("h", b"\xff"),))
    assert abs(record.append_time - time.time_ns() // 1_000_000) < 600_000


def test_a_failing_batch_ends_the_worker_and_only_what_came_before_is_committed(log: Log) -> None:
    failing = Pipeline(fails_at=3)
    failing.gate.set()
    with pytest.raises(ValueError, match="a bug"):
        log.worker(failing).run()
    assert log.committed() == len(failing.values) == 3 * BATCH
    again = Pipeline()
    again.gate.set()

    def meanwhile() -> None:
        wait_until(lambda: log.committed() == RECORDS, what="the rest")

    log.work(again, meanwhile)
    assert failing.values + again.values == EVERYTHING


def test_stopping_worker_ends_its_batch_and_commits_it(log: Log) -> None:
    pipeline = Pipeline()

    def meanwhile() -> None:
        wait_until(lambda: pipeline.batches, what="a batch")
        threading.Timer(1.0, pipeline.gate.set).start()  # after the signal that follows

    log.work(pipeline, meanwhile)
    assert log.committed() == len(pipeline.values) == BATCH
    assert log.members() == 0


class Endless(Pipeline):
    """Tells by a file that a batch is in hand, and never ends it."""

    def __init__(self, told: Path) -> None:
        super().__init__()
        self._told = told

    def run(self, batches: Sequence[RawBatch]) -> None:
        self._told.touch()
        super().run(batches)


def _work_until_stopped(topic: str, bootstrap: str, folder: Path) -> None:
    """In a process of its own: a batch that never ends."""
    config = WorkerConfig(topic, bootstrap, folder, stop_within_s=1)
    endless: Any = {topic: Endless(folder / "in-hand")}
    Worker(config, endless, metrics=Metrics(topic), stopping=threading.Event()).run()


def test_a_batch_that_does_not_end_in_time_is_left_to_the_next_worker(log: Log) -> None:
    worker = multiprocessing.get_context("spawn").Process(
        target=_work_until_stopped, args=(log.topic, log.bootstrap, log.folder)
    )
    worker.start()
    try:
        wait_until((log.folder / "in-hand").exists, what="a batch in hand")
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGTERM)
        worker.join(30)
        assert worker.exitcode == 1
    finally:
        worker.kill()
    assert log.committed() is None
