"""Records written in transactions: only committed ones are read, and lag still becomes zero."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.app.settings import Settings
from streams.kafka.consumer_groups import PartitionLag, Progress
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.monitoring.blockages import Blockages
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.worker import Worker
from tests.support.worker_thread import work_beside
from tests.support.workers import wait_until

PARTITIONS = 3

pytestmark = pytest.mark.stack


class Collector:
    """A pipeline that keeps what it is given."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.blockages = Blockages()

    def run(self, batches: Sequence[RawBatch]) -> None:
        self.values += [value for batch in batches for value in batch.values]


class Log:
    """A topic that is written in transactions, and a group of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.topic = self.group = f"test.transactions.{time.time_ns()}"
        self._bootstrap = settings.bootstrap
        self._folder = folder
        self._admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})
        for answer in self._admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)]).values():
            answer.result(30)
        self.producer = Producer(
            {"bootstrap.servers": self._bootstrap, "transactional.id": self.topic}
        )
        self.producer.init_transactions(30)

    def close(self) -> None:
        for answer in self._admin.delete_topics([self.topic]).values():
            answer.exception(20)

    def write(self, *values: str, partition: int = 0, commit: bool = True) -> None:
        """One transaction."""
        self.begin(*values, partition=partition)
        if commit:
            self.producer.commit_transaction(30)
        else:
            self.producer.abort_transaction(30)

    def begin(self, *values: str, partition: int = 0) -> None:
        self.producer.begin_transaction()
        for value in values:
            self.producer.produce(self.topic, value=value.encode(), partition=partition)
        assert self.producer.flush(30) == 0

    def lags(self) -> list[PartitionLag]:
        return Progress(self._bootstrap).lag({self.group: [self.topic]})

    def idle(self) -> bool:
        return not any(lag.lag for lag in self.lags())

    def work(self, until: Callable[[Collector], Any]) -> list[bytes | None]:
        """What a worker of the group reads until a condition holds; it is stopped then."""
        collector = Collector()
        pipelines: dict[str, Any] = {self.topic: collector}
        config = WorkerConfig(self.group, self._bootstrap, self._folder, commit_every_s=0.1)
        metrics, stopping = Metrics(self.group), threading.Event()
        worker = Worker(config, pipelines, metrics=metrics, stopping=stopping)
        work_beside(worker, lambda: wait_until(lambda: until(collector), timeout_s=60))
        return collector.values


@pytest.fixture
def log(stack: Settings, tmp_path: Path) -> Iterator[Log]:
    made = Log(stack, tmp_path)
    yield made
    made.close()


def test_lag_is_zero_behind_the_marker_that_ends_a_partition(log: Log) -> None:
    log.write("a", "b")
    log.write("c")
    assert log.work(lambda _: log.idle()) == [b"a", b"b", b"c"]
    assert log.lags()[0].committed == 5  # three records, two markers
    assert log.work(lambda _: True) == []
    log.write("d")
    assert log.work(lambda _: log.idle()) == [b"d"]


def test_what_was_aborted_is_neither_read_nor_waited_for(log: Log) -> None:
    log.write("x", "y", commit=False)
    log.write("z", partition=1, commit=False)
    assert log.work(lambda _: log.idle()) == []
    assert [lag.committed for lag in log.lags()] == [3, 2, None]
    log.write("a", "b")
    log.write("x", "y", commit=False)
    log.write("c", "d", partition=1)
    log.write("x", commit=False)
    read = log.work(lambda _: log.idle())
    assert sorted(value or b"" for value in read) == [b"a", b"b", b"c", b"d"]


def test_markers_while_the_worker_reads_do_not_stop_it(log: Log) -> None:
    """Holes of every length between records that arrive one by one."""
    expected = [f"{number}".encode() for number in range(40)]

    def write() -> None:
        for number in range(40):
            log.write(f"{number}", partition=number % PARTITIONS)
            if number % 3 == 0:
                log.write(*"xyz"[: number % 4], partition=number % PARTITIONS, commit=False)

    writing = threading.Thread(target=write)

    def done(_: Collector) -> bool:
        if not writing.ident:
            writing.start()
        return not writing.is_alive() and log.idle()

    read = log.work(done)
    assert sorted(value or b"" for value in read) == sorted(expected)


def test_an_open_transaction_is_waited_for(log: Log) -> None:
    log.write("a")
    log.begin("b", "c")
    open_ones = [log.producer]

    def then_commit(collector: Collector) -> bool:
        if open_ones and collector.values == [b"a"] and log.lags()[0].committed == 2:
            open_ones.pop().commit_transaction(30)
        return not open_ones and log.idle()

    assert log.work(then_commit) == [b"a", b"b", b"c"]
