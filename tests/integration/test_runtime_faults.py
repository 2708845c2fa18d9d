"""Workers of the runtime killed, stopped for a while and moved about, under a load that goes on.

Whenever a worker is dead, nothing before the group's commit is missing from the store or from the
dead letters; at the end the store equals a fold of what was sent. FAULT_SEED repeats a run's
choices, though not the moments at which the machine carries them out.
"""

import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streams.app.settings import Settings
from streams.kafka.consumer_groups import Progress
from streams.runtime.dead_letters.reporter import failed_at
from tests.integration.valkey import Valkey
from tests.support import fault_workers, forked
from tests.support.fault_workers import POINTS, FaultSettings
from tests.support.forked import ForkedProgram
from tests.support.workers import wait_until

KILLS = 32
PARTITIONS = 4
SESSION_S = 6.0
MEMORY_MIB = 250
"""What a worker may take, whatever the backlog; half of it is the interpreter and its libraries."""

pytestmark = pytest.mark.stack


class Load:
    """Records that keep coming: numbers under few keys, now and then one that is none."""

    def __init__(self, bootstrap: str, topic: str, *, every_s: float, width: int = 1) -> None:
        self.sent: dict[bytes, set[int]] = defaultdict(set)
        self.bad: set[tuple[int, int]] = set()
        self._topic, self._every_s, self._width = topic, every_s, width
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._count = 0

    def append(self, count: int) -> None:
        for _ in range(count):
            self._append()
        assert self._producer.flush(60) == 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.ident:
            self._thread.join()
        assert self._producer.flush(60) == 0

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            self._append()
            self._producer.poll(0)

    def _append(self) -> None:
        number, self._count = self._count, self._count + 1
        key, is_bad = b"key%d" % (number % 23), number % 41 == 0
        value = b"bad" if is_bad else str(number).zfill(self._width).encode()

        def delivered(error: object, message: object) -> None:
            assert error is None, error
            if is_bad:
                self.bad.add((message.partition(), message.offset()))  # type: ignore[attr-defined]
            else:
                self.sent[key].add(number)

        self._producer.produce(self._topic, key=key, value=value, on_delivery=delivered)


class Group:
    """A topic with its dead letters, a store of its own, and workers in processes of their own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.topic = f"test.faults.{time.time_ns()}"
        self.bootstrap, self._folder = settings.bootstrap, folder
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        topics = [NewTopic(self.topic, PARTITIONS, 1), NewTopic(f"{self.topic}.dlq", 1, 1)]
        for answer in self.admin.create_topics(topics).values():
            answer.result(30)
        self.store = Valkey(folder)
        self.store.start()
        self.running: list[ForkedProgram] = []

    def start(
        self, instance: str | None = None, *, dies: str = "", apply_s: float = 0.0
    ) -> ForkedProgram:
        settings = FaultSettings(
            self.topic,
            self.bootstrap,
            self.store.port,
            str(self._folder),
            instance,
            SESSION_S,
            dies,
            apply_s,
        )
        log = self._folder / f"worker-{len(self.running)}.log"
        process = forked.start(fault_workers.main, settings.arguments(), os.environ, log)
        self.running.append(process)
        return process

    def log(self, process: ForkedProgram) -> str:
        return (self._folder / f"worker-{self.running.index(process)}.log").read_text()

    def is_assigned(self, process: ForkedProgram) -> bool:
        assert process.poll() is None, self.log(process)
        return "assigned" in self.log(process)

    def committed(self) -> dict[int, int]:
        lags = Progress(self.bootstrap).lag({self.topic: [self.topic]})
        return {lag.partition: lag.committed or 0 for lag in lags}

    def lag(self) -> int:
        return sum(lag.lag for lag in Progress(self.bootstrap).lag({self.topic: [self.topic]}))

    def letters(self) -> list[tuple[int, int]]:
        """Where the records of the dead letters lie, as often as they were buried."""
        config = {"bootstrap.servers": self.bootstrap, "group.id": "look", "log_level": 0}
        consumer = Consumer(config)
        partition = TopicPartition(f"{self.topic}.dlq", 0, 0)
        _, end = consumer.get_watermark_offsets(partition, timeout=30)
        consumer.assign([partition])
        found: list[tuple[int, int]] = []
        while len(found) < end:
            for message in consumer.consume(end - len(found), 30):
                headers: Any = tuple(message.headers() or ())
                place = failed_at(headers)
                assert place is not None, message.error()
                found.append((place.partition, place.offset))
        consumer.close()
        return found

    def check_commits(self) -> None:
        """Nothing before a commit is missing. Commits are read first: they are the promise."""
        committed = self.committed()
        reported = set(self.letters())
        for partition, end in committed.items():
            applied = {int(n) for n in self.store.client.smembers(f"{self.topic}:p:{partition}")}
            missing = [
                offset
                for offset in range(end)
                if offset not in applied and (partition, offset) not in reported
            ]
            assert not missing, f"[{partition}] commits {end} without {missing[:5]}"

    def check_all(self, load: Load) -> None:
        """Everything is applied or buried, and nothing else is."""
        load.stop()
        wait_until(lambda: self.lag() == 0, what="lag zero")
        self.check_commits()
        for key, numbers in load.sent.items():
            stored = self.store.client.smembers(f"{self.topic}:n:{key.decode()}")
            assert {int(number) for number in stored} == numbers
        assert set(self.letters()) == load.bad

    def close(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
        self.store.close()
        for answer in self.admin.delete_topics([self.topic, f"{self.topic}.dlq"]).values():
            answer.exception(20)


@pytest.fixture
def group(stack: Settings, tmp_path: Path) -> Iterator[Group]:
    made = Group(stack, tmp_path)
    yield made
    made.close()


def test_kill_9_at_any_moment_loses_nothing_and_commits_nothing_too_early(group: Group) -> None:
    seed = int(os.environ.get("FAULT_SEED") or random.randrange(1 << 32))
    print(f"FAULT_SEED={seed}")
    draw = random.Random(seed)
    load = Load(group.bootstrap, group.topic, every_s=0.002)
    load.start()
    try:
        workers = {name: group.start(name) for name in ("a", "b")}
        for _ in range(KILLS):
            name = draw.choice("ab")
            if draw.random() < 0.5:
                time.sleep(draw.uniform(0.0, 1.5))  # the moment is what is tested
                workers[name].kill()
                workers[name].wait()
            else:
                workers[name].kill()
                workers[name].wait()
                dies = f"{draw.choice(POINTS)}:{draw.randrange(1, 12)}"
                workers[name] = group.start(name, dies=dies)
                wait_until(lambda: workers[name].poll() is not None, what=dies, timeout_s=60)  # noqa: B023
            group.check_commits()
            workers[name] = group.start(name)
        group.check_all(load)
        assert all(worker.poll() is None for worker in workers.values())
    finally:
        load.stop()


def test_a_worker_that_stood_still_past_its_session_undoes_nothing(group: Group) -> None:
    load = Load(group.bootstrap, group.topic, every_s=0.005)
    load.start()
    try:
        paused = group.start(apply_s=0.3)
        wait_until(lambda: any(group.committed().values()), what="a commit")
        other = group.start()
        wait_until(lambda: group.is_assigned(other), what="an assignment")
        paused.send_signal(signal.SIGSTOP)
        wait_until(lambda: group.lag() < 100, what="the other worker has it all")
        before = group.committed()
        group.check_commits()
        paused.send_signal(signal.SIGCONT)
        load.stop()
        wait_until(lambda: group.lag() == 0, what="lag zero")
        after = group.committed()
        assert all(after[partition] >= end for partition, end in before.items())
        group.check_all(load)
    finally:
        load.stop()


def test_one_worker_then_three_then_one_under_load_within_bounded_memory(group: Group) -> None:
    load = Load(group.bootstrap, group.topic, every_s=0.002, width=4_000)
    load.append(20_000)  # 80 MB, of which a worker may hold only a part
    load.start()
    most: dict[int, int] = {}

    def measure() -> None:
        for process in group.running:
            if process.poll() is None:
                memory = psutil.Process(process.pid).memory_info().rss >> 20
                most[process.pid] = max(memory, most.get(process.pid, 0))

    def moved(count: int) -> bool:
        measure()
        described = group.admin.describe_consumer_groups([group.topic])[group.topic].result(30)
        return len([m for m in described.members if m.assignment.topic_partitions]) == count

    try:
        group.start(apply_s=0.05)
        wait_until(lambda: moved(1), what="one member")
        others = [group.start(apply_s=0.05)]
        wait_until(lambda: moved(2), what="two members")
        # Of four partitions each of the two has two now, and one must give one away.
        others.append(group.start(apply_s=0.05))
        wait_until(lambda: moved(3), what="three members")
        wait_until(lambda: moved(3) and any(group.committed().values()), what="commits")
        for process in others:
            process.send_signal(signal.SIGTERM)
        for process in others:
            assert process.wait(60) == 0, group.log(process)
        wait_until(lambda: moved(1), what="one member again")
        load.stop()
        wait_until(lambda: moved(1) and group.lag() == 0, what="lag zero")
        group.check_all(load)
        assert max(most.values()) < MEMORY_MIB, most
    finally:
        load.stop()


def test_a_store_that_hangs_for_half_a_minute_is_waited_for(group: Group) -> None:
    load = Load(group.bootstrap, group.topic, every_s=0.005)
    load.start()
    try:
        worker = group.start()
        wait_until(lambda: any(group.committed().values()), what="a commit")
        group.store.pause()
        wait_until(lambda: "waiting for a server" in group.log(worker), what="a wait")
        held = time.monotonic()
        ends = group.committed()
        wait_until(lambda: time.monotonic() - held > 30, what="half a minute")
        assert (
            group.admin.describe_consumer_groups([group.topic])[group.topic].result(30).members
        ), "it stays in the group"
        assert max(group.committed()[at] - end for at, end in ends.items()) <= 100
        group.store.resume()
        group.check_all(load)
        assert worker.poll() is None
    finally:
        load.stop()
