"""A worker that makes no progress on a real broker: it tells, and where that helps it ends."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.app.settings import Settings
from streams.kafka.consumer_groups import Progress
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.fetch_thread import BatchFetcher
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.consumer.transport import BatchConsumer
from streams.runtime.monitoring.blockages import Blockages
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.worker import NoProgressError, Worker
from tests.support.worker_thread import work_beside
from tests.support.workers import wait_until

RECORDS = 20
LIMIT_S = 3.0

pytestmark = pytest.mark.stack


class Pipeline:
    """Counts what it is given, once its gate is open."""

    def __init__(self) -> None:
        self.taken = 0
        self.blockages = Blockages()
        self.gate = threading.Event()
        self.gate.set()

    def run(self, batches: Sequence[RawBatch]) -> None:
        assert self.gate.wait(120)
        self.taken += sum(map(len, batches))


class Group:
    """A topic of two partitions with RECORDS records each, and a worker of it."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.topic = self.group = f"test.watch.{time.time_ns()}"
        self.bootstrap = settings.bootstrap
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        for answer in self.admin.create_topics([NewTopic(self.topic, 2, 1)]).values():
            answer.result(30)
        self.append(RECORDS)
        self.pipeline = Pipeline()
        config = WorkerConfig(
            self.group,
            self.bootstrap,
            folder,
            commit_every_s=0.1,
            stop_within_s=10,
            watch_every_s=0.2,
            stalled_after_s=LIMIT_S,
        )
        pipelines: Any = {self.topic: self.pipeline}
        self.worker = Worker(
            config,
            pipelines,
            metrics=Metrics(self.group),
            stopping=threading.Event(),
        )

    def append(self, count: int) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "enable.idempotence": True})
        for number in range(2 * count):
            producer.produce(self.topic, value=b"%d" % number, partition=number % 2)
        assert producer.flush(30) == 0

    def committed(self) -> list[int | None]:
        return [lag.committed for lag in Progress(self.bootstrap).lag({self.group: [self.topic]})]

    def run(self, beside: Callable[[], None]) -> None:
        """Work, `beside` in another thread; then tell the worker to stop."""
        work_beside(self.worker, beside, failing=self.pipeline.gate.set)


@pytest.fixture
def group(stack: Settings, tmp_path: Path) -> Iterator[Group]:
    made = Group(stack, tmp_path)
    yield made
    for answer in made.admin.delete_topics([made.topic]).values():
        answer.exception(20)


def test_a_partition_that_is_never_fetched_ends_the_worker(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = BatchFetcher.buffered

    def one_left_out(self: BatchFetcher, partitions: Set[Any]) -> Any:
        return fetch(self, {at for at in partitions if at.partition != 1})

    monkeypatch.setattr(BatchFetcher, "buffered", one_left_out)
    with pytest.raises(
        NoProgressError, match=rf"{group.topic}\[1\]: reading is stuck at 0, with 20"
    ):
        group.worker.run()
    assert group.committed() == [RECORDS, None]
    assert not group.worker.status.health().ok


def test_commits_that_do_not_reach_the_broker_end_the_worker(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def accepted(self: BatchConsumer, *args: Any, **kwargs: Any) -> bool:
        return True

    monkeypatch.setattr(BatchConsumer, "_commit_offsets", accepted)
    with pytest.raises(NoProgressError, match="the commit is stuck at 0, applied is 20"):
        group.worker.run()
    assert group.pipeline.taken == 2 * RECORDS


def test_long_batch_is_reported_until_it_ends_and_ends_nothing(group: Group) -> None:
    status = group.worker.status
    group.pipeline.gate.clear()

    def beside() -> None:
        wait_until(lambda: not status.health().ok, what="a stall")
        (first, *_) = status.health().reasons
        assert "with 20 offsets to go" in first
        assert {at[1] for at in status.gauges().progress} == {0, 1}
        group.pipeline.gate.set()
        wait_until(lambda: status.health().ok, what="health")
        wait_until(lambda: group.committed() == [RECORDS, RECORDS], what="the end")
        time.sleep(1.5 * LIMIT_S)  # with nothing to do, which is no stall
        assert status.health().ok
        group.append(1)
        wait_until(lambda: group.committed() == [RECORDS + 1, RECORDS + 1], what="one more")

    group.run(beside)
    assert group.pipeline.taken == 2 * RECORDS + 2
