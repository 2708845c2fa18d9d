"""A small worker for tests that kill it: folds numbers per key, and dies where it is told to.

    python -m tests.support.fault_workers SETTINGS_JSON

What it applies lies in Redis, so that it outlives the process: per key a set of numbers, and per
partition the offsets that are applied or, as bad records, buried. Every write may be repeated.
"""

import json
import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import redis

from streams.app.logs import configure_logs
from streams.record import Record, RecordPosition
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.reporter import DeadLetterReporter
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.pipeline import Pipeline, Steps
from streams.runtime.processing.retry import RetryPolicy
from streams.runtime.producer import AckedProducer, ProducerUnavailableError
from streams.runtime.worker import Worker

POINTS = ("decode", "buried", "project", "apply", "applied")
"""Where a worker may kill itself: before or in a step, or when all is applied and not committed."""


@dataclass(frozen=True, slots=True)
class FaultSettings:
    topic: str
    bootstrap: str
    redis_port: int
    folder: str
    instance: str | None
    session_timeout_s: float = 6.0
    dies: str = ""
    """`POINT:N`: at the N-th time that the point is reached."""
    apply_s: float = 0.0
    """How long applying a batch takes at least."""

    def arguments(self) -> list[str]:
        return [json.dumps(asdict(self))]


class Refused(NamedTuple):
    record: Record
    code: str = "bad_frame"
    stage: str = "VALUE_CONVERTER"
    error: str = "ValueError"
    message: str = "not a number"


class Folded(NamedTuple):
    numbers: dict[bytes, set[int]]
    places: dict[int, list[int]]
    applied: int
    duplicates: int = 0
    conflicts: tuple[RecordPosition, ...] = ()


class Death:
    """kill -9 of this very process, at one chosen moment."""

    def __init__(self, dies: str) -> None:
        self._point, _, number = dies.partition(":")
        self._left = int(number or 0)

    def at(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


class Numbers:
    """The steps: values are numbers in text; what is no number is refused."""

    def __init__(self, settings: FaultSettings, store: Any) -> None:
        self._topic = settings.topic
        self._store = store
        self._death = Death(settings.dies)
        self._pause = threading.Event()
        self._apply_s = settings.apply_s

    def decode(self, batches: Sequence[RawBatch]) -> tuple[list[Record], list[Refused]]:
        self._death.at("decode")
        records = [record for batch in batches for record in batch.records(Record)]
        good = [record for record in records if (record.value or b"").isdigit()]
        return good, [Refused(record) for record in records if record not in good]

    def project(self, records: list[Record]) -> Folded:
        self._death.at("project")
        folded = Folded(defaultdict(set), defaultdict(list), len(records))
        for record in records:
            folded.numbers[record.key or b""].add(int(record.value or 0))
            folded.places[record.partition].append(record.offset)
        return folded

    def apply(self, folded: Folded) -> None:
        self._pause.wait(self._apply_s)
        for key, numbers in folded.numbers.items():
            self._death.at("apply")
            self._store.sadd(f"{self._topic}:n:{key.decode()}", *numbers)
        self.note(folded.places)
        self._death.at("applied")

    def buried(self) -> None:
        self._death.at("buried")

    def note(self, places: dict[int, list[int]]) -> None:
        for partition, offsets in places.items():
            self._store.sadd(f"{self._topic}:p:{partition}", *offsets)


def main() -> None:
    settings = FaultSettings(**json.loads(sys.argv[1]))
    configure_logs()
    store: Any = redis.Redis(port=settings.redis_port, socket_timeout=2, socket_connect_timeout=2)
    steps, metrics, stopping = Numbers(settings, store), Metrics(settings.topic), threading.Event()
    outbox = AckedProducer(settings.bootstrap, client_id="faults")

    def send(messages: Any) -> None:
        outbox.send(messages)
        steps.buried()

    passing = (redis.ConnectionError, redis.TimeoutError, ProducerUnavailableError)
    pipeline: Pipeline[Any, Any] = Pipeline(
        settings.topic,
        Steps(steps.decode, steps.project, steps.apply, _no_conflict),
        dead_letters=DeadLetterReporter(send, metrics),
        metrics=metrics,
        retry_policy=RetryPolicy(passing, stopping, longest_s=1),
    )
    config = WorkerConfig(
        settings.topic,
        settings.bootstrap,
        Path(settings.folder),
        instance=settings.instance,
        batch_records=50,
        commit_every_s=0.2,
        session_timeout_s=settings.session_timeout_s,
        stop_within_s=20,
    )
    worker = Worker(config, {settings.topic: pipeline}, metrics=metrics, stopping=stopping)
    worker.run(lambda: print("assigned", flush=True))


def _no_conflict(batch: RawBatch, index: int) -> Refused:
    raise AssertionError((batch, index))


if __name__ == "__main__":
    main()
