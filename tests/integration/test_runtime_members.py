"""Named members of a group on a real broker: who comes back has its partitions at once."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.app.settings import Settings
from streams.kafka.consumer_groups import Progress
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.monitoring.blockages import Blockages
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.worker import Worker
from tests.support.workers import wait_until

PARTITIONS = 4
SESSION_S = 45.0
"""What a member without a name that was killed would cost."""

pytestmark = pytest.mark.stack


class Appending:
    """Appends the values it is given to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.blockages = Blockages()

    def run(self, batches: Sequence[RawBatch]) -> None:
        values = [value or b"" for batch in batches for value in batch.values]
        with self._path.open("a") as file:
            file.write("".join(f"{value.decode()}\n" for value in values))


def _work(topic: str, bootstrap: str, folder: Path, instance: str) -> None:
    config = WorkerConfig(
        topic, bootstrap, folder, instance=instance, commit_every_s=0.1, session_timeout_s=SESSION_S
    )
    pipelines: Any = {topic: Appending(folder / "applied")}
    metrics, stopping = Metrics(topic), threading.Event()
    worker = Worker(config, pipelines, metrics=metrics, stopping=stopping)

    def assigned() -> None:
        with (folder / f"{instance}.assigned").open("a") as file:
            file.write(f"{os.getpid()}\n")

    worker.run(assigned)


class Group:
    def __init__(self, settings: Settings, folder: Path) -> None:
        self.topic = f"test.members.{time.time_ns()}"
        self.bootstrap = settings.bootstrap
        self.folder = folder
        self.sent: list[str] = []
        self.running: list[BaseProcess] = []
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        for answer in self.admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)]).values():
            answer.result(30)

    def append(self, count: int) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "enable.idempotence": True})
        for _ in range(count):
            self.sent.append(str(len(self.sent)))
            number = len(self.sent) % PARTITIONS
            producer.produce(self.topic, value=self.sent[-1].encode(), partition=number)
        assert producer.flush(30) == 0

    def start(self, instance: str) -> BaseProcess:
        """A worker under that name, once it has its partitions."""
        before = self.assignments(instance)
        process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(self.topic, self.bootstrap, self.folder, instance)
        )
        process.start()
        self.running.append(process)
        wait_until(lambda: self.assignments(instance) > before, what="an assignment", timeout_s=40)
        return process

    def assignments(self, instance: str) -> int:
        """How many assignments the processes of that name were given."""
        path = self.folder / f"{instance}.assigned"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def applied(self) -> list[str]:
        path = self.folder / "applied"
        return path.read_text().splitlines() if path.exists() else []

    def wait_until_applied(self, *, timeout_s: float) -> None:
        def everything() -> bool:
            lags = Progress(self.bootstrap).lag({self.topic: [self.topic]})
            return set(self.applied()) == set(self.sent) and not any(lag.lag for lag in lags)

        wait_until(everything, timeout_s=timeout_s, what="everything applied and committed")


@pytest.fixture
def group(stack: Settings, tmp_path: Path) -> Iterator[Group]:
    made = Group(stack, tmp_path)
    yield made
    for process in made.running:
        process.kill()
        process.join()
    for answer in made.admin.delete_topics([made.topic]).values():
        answer.exception(20)


def test_a_killed_worker_comes_back_before_its_session_ends(group: Group) -> None:
    group.append(100)
    killed = group.start("a")
    group.wait_until_applied(timeout_s=30)
    killed.kill()
    killed.join()
    group.append(100)
    group.start("a")
    group.wait_until_applied(timeout_s=SESSION_S / 3)


def test_a_restart_moves_nobody_elses_partitions(group: Group) -> None:
    restarted, other = group.start("a"), group.start("b")
    wait_until(lambda: group.assignments("a") == 2, what="a shares with b")
    group.append(100)
    group.wait_until_applied(timeout_s=30)
    os.kill(restarted.pid or 0, signal.SIGTERM)
    restarted.join(30)
    assert restarted.exitcode == 0
    group.append(100)
    group.start("a")
    group.wait_until_applied(timeout_s=SESSION_S / 3)
    assert group.assignments("b") == 1
    assert other.is_alive()


def test_of_two_under_one_name_the_older_one_ends(group: Group) -> None:
    older = group.start("a")
    group.append(100)
    group.wait_until_applied(timeout_s=30)
    newer = group.start("a")
    older.join(SESSION_S)
    assert older.exitcode == 1
    group.append(100)
    group.wait_until_applied(timeout_s=SESSION_S / 3)
    assert newer.is_alive()
