"""Real workers in processes of their own, and waiting for what they do."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.agents.registry import AGENTS
from streams.app.broker import schema_registry
from streams.app.migrate import migrate_views
from streams.app.settings import Settings
from streams.app.stack import environment
from streams.app.stores import progress
from streams.app.workers.lag import lags_to_wait_for
from streams.cli import main as cli
from streams.contracts.bronze import bronze_table, lake_tables
from streams.kafka.consumer_groups import LogEnds, Progress
from streams.kafka.topics import Topics
from streams.record import Record
from streams.sinks.delta.table import LakeTable, create_tables
from tests.support import forked

T = TypeVar("T")

WAIT_S = 120.0


@dataclass(slots=True)
class WorkerProcess:
    """One `storyline run AGENT`, or another command; its log is in `log`."""

    agent: str
    process: forked.ForkedProgram
    log: Path

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        self.process.kill()
        self.process.wait()

    def stop(self, within_s: float = 40) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def text(self) -> str:
        return self.log.read_text()


def prepare(settings: Settings) -> None:
    """Topics, schemas and the keyspace; safe to repeat."""
    Topics(settings.bootstrap).apply()
    list(schema_registry(settings).register())
    migrate_views(settings, lambda _: None)


@contextmanager
def worker(settings: Settings, agent: str) -> Iterator[WorkerProcess]:
    """A worker that the caller ends; if it does not, it is killed."""
    with program(settings, agent, ("run", agent)) as started:
        yield started


@contextmanager
def program(settings: Settings, name: str, arguments: Sequence[str]) -> Iterator[WorkerProcess]:
    """A `storyline` command that runs until the caller ends it; if it does not, it is killed."""
    started = _start(settings, name, arguments)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()


def start_worker(settings: Settings, agent: str) -> WorkerProcess:
    """Start a worker with these very settings; the caller sees to its end."""
    return _start(settings, agent, ("run", agent))


def _start(settings: Settings, name: str, arguments: Sequence[str]) -> WorkerProcess:
    folder = settings.home / "logs" / "test-workers"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}-{time.time_ns()}.log"
    process = forked.start(cli.main, arguments, os.environ | environment(settings), log)
    return WorkerProcess(name, process, log)


@contextmanager
def running_workers(
    settings: Settings, agents: Sequence[str] = tuple(AGENTS)
) -> Iterator[Mapping[str, WorkerProcess]]:
    """Workers of these agents; at the end each is stopped and must have exited with 0."""
    with ExitStack() as cleaning:
        workers = {agent: cleaning.enter_context(worker(settings, agent)) for agent in agents}
        yield workers
        for running in workers.values():
            running.process.send_signal(signal.SIGTERM)
        for running in workers.values():
            assert running.process.wait(60) == 0, running.text()


def wait_until(
    condition: Callable[[], T], *, timeout_s: float = WAIT_S, poll_s: float = 0.1, what: str = ""
) -> T:
    """The condition's first true value; fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what or condition}"
        time.sleep(poll_s)
    return value


def wait_for_lag_zero(
    settings: Settings, workers: Mapping[str, WorkerProcess], *, timeout_s: float = WAIT_S
) -> None:
    """Wait until the groups of these workers have read everything; fails when one of them ends."""

    broker = progress(settings)

    def idle() -> bool:
        for running in workers.values():
            assert running.process.poll() is None, running.text()
        return not any(lag.lag for lag in lags_to_wait_for(settings, broker, tuple(workers)))

    wait_until(idle, timeout_s=timeout_s, what=f"lag zero of {', '.join(workers)}")


def committed(settings: Settings, agent: str, broker: Progress | None = None) -> int:
    """The sum of what the agent's group has committed."""
    group, topics = settings.group(agent), AGENTS[agent].topics
    lags = (broker or progress(settings)).lag({group: topics})
    return sum(lag.committed or 0 for lag in lags)


def wait_for_commit(settings: Settings, agent: str, above: int) -> None:
    """Wait until the agent's group has committed more than that, and return at once then."""
    broker = progress(settings)
    wait_until(
        lambda: committed(settings, agent, broker) > above, poll_s=0.01, what=f"a commit of {agent}"
    )


def skip_to_end(settings: Settings, agent: str) -> None:
    """Let the agent's group, which must not be running, begin with what is written from now on."""
    group, topics = settings.group(agent), AGENTS[agent].topics
    offsets = [
        TopicPartition(lag.topic, lag.partition, lag.end)
        for lag in progress(settings).lag({group: topics})
    ]
    admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
    wanted = ConsumerGroupTopicPartitions(group, offsets)
    for answer in admin.alter_consumer_group_offsets([wanted]).values():
        answer.result(30)
    if agent == "lake":
        _skip_lake_to(settings.lake_path, offsets, progress(settings).logs(topics))


def _skip_lake_to(lake: Path, ends: Sequence[TopicPartition], logs: Mapping[str, LogEnds]) -> None:
    """Record offsets before `ends` as landed, which a worker would otherwise read."""
    create_tables(lake, lake_tables())
    for topic, log in logs.items():
        table = LakeTable(lake, bronze_table(topic))
        table.bind_topic(topic, log.topic_id, log.partitions)
        last_offsets = {
            at.partition: at.offset - 1 for at in ends if at.topic == topic and at.offset
        }
        if last_offsets:
            table.append(table.schema.empty_table(), topic, last_offsets)


def append(
    settings: Settings, topic: str, key: bytes | None, value: bytes | None, partition: int = -1
) -> tuple[int, int]:
    """Append raw bytes with a bare producer; the partition and offset they got."""
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap, "acks": "all", "partitioner": "murmur2_random"}
    )
    places: list[tuple[int, int]] = []

    def delivered(error: object, message: object) -> None:
        assert error is None, error
        places.append((message.partition(), message.offset()))  # type: ignore[attr-defined]

    producer.produce(topic, key=key, value=value, partition=partition, on_delivery=delivered)
    assert producer.flush(30) == 0
    return places[0]


class DeadLetterReader:
    """What arrives in dead letter topics after this object was made."""

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": settings.bootstrap, "group.id": "dead-letter-reader"}
        )
        self._assigned = [
            TopicPartition(f"{topic}.dlq", number)
            for topic in topics
            for number in self._consumer.list_topics(f"{topic}.dlq", 30)
            .topics[f"{topic}.dlq"]
            .partitions
        ]
        for partition in self._assigned:
            partition.offset = self._consumer.get_watermark_offsets(partition, timeout=30)[1]
        self._consumer.assign(self._assigned)

    def read(self, count: int, *, timeout_s: float = WAIT_S) -> list[Record]:
        """The next `count` dead letters."""
        records: list[Record] = []
        deadline = time.monotonic() + timeout_s
        while len(records) < count:
            assert time.monotonic() < deadline, f"{len(records)} of {count} dead letters came"
            for message in self._consumer.consume(count - len(records), 0.5):
                assert message.error() is None, message.error()
                headers: Any = tuple(message.headers() or ())
                records.append(
                    Record(
                        message.topic() or "",
                        message.partition() or 0,
                        message.offset() or 0,
                        message.timestamp()[1],
                        message.key(),
                        message.value(),
                        headers,
                    )
                )
        return records

    def close(self) -> None:
        self._consumer.close()
