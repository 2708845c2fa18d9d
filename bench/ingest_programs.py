"""What `bench.ingest` measures: python -m bench.ingest_programs PROGRAM TOPIC KIND RECORDS"""

import asyncio
import io
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import fastavro
import faust
import pyarrow as pa
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Consumer

from bench.events import KINDS, Kind
from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.contracts.catalog import schemas
from streams.contracts.decoder import decode_and_validate
from streams.contracts.records import Records
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.monitoring.blockages import Blockages
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.worker import Worker


class Count:
    """Counts what is folded, and the CPU seconds from the assignment to the last record."""

    def __init__(self, kind: Kind, goal: int, done: Callable[[], None] = lambda: None) -> None:
        self.kind = kind
        self.schema = fastavro.parse_schema(dict(schemas()[kind.record_type]))
        self.goal, self.read, self.folded = goal, 0, Counter[int]()
        self.began, self.spent = 0.0, 0.0
        self._done = done

    def begin(self, *_: Any) -> None:
        """The partitions are assigned: from here on records are fetched."""
        self.began = self.began or time.process_time()

    def add(self, records: int) -> None:
        assert self.began
        self.read += records
        if self.read >= self.goal and not self.spent:
            self.spent = time.process_time() - self.began
            self._done()

    def one(self, value: bytes) -> None:
        row: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), self.schema)
        self.folded[row[self.kind.counted]] += 1


class Fold:
    """A pipeline of the runtime that decodes, judges and counts."""

    def __init__(self, count: Count, settings: Settings) -> None:
        self.blockages = Blockages()
        self._count = count
        self._lookup = schema_registry(settings).schema_text

    def run(self, batches: Sequence[RawBatch]) -> None:
        batch, rejected = decode_and_validate(
            Records.joined(batches), self._count.kind.topic, self._lookup
        )
        assert not rejected
        for rows in batch.columns.values():
            counted = (
                pa.table(rows).group_by(self._count.kind.counted).aggregate([([], "count_all")])
            )
            for content, number in zip(*(column.to_pylist() for column in counted), strict=True):
                self._count.folded[content] += number
        self._count.add(sum(map(len, batches)))


class Undecoded:
    def __init__(self, count: Count) -> None:
        self.blockages = Blockages()
        self._count = count

    def run(self, batches: Sequence[RawBatch]) -> None:
        self._count.add(sum(map(len, batches)))


def run_worker(settings: Settings, topic: str, kind: Kind, goal: int, decoded: bool) -> Count:
    count = Count(kind, goal, lambda: os.kill(os.getpid(), signal.SIGTERM))
    pipeline: Any = Fold(count, settings) if decoded else Undecoded(count)
    group = f"bench-{time.time_ns()}"
    with tempfile.TemporaryDirectory() as folder:
        config = WorkerConfig(group, settings.bootstrap, Path(folder), batch_records=10_000)
        stopping = threading.Event()
        worker = Worker(config, {topic: pipeline}, metrics=Metrics(group), stopping=stopping)
        worker.run(count.begin)
    return count


def run_faust(settings: Settings, topic: str, kind: Kind, goal: int) -> Count:
    async def main() -> Count:
        done = asyncio.Event()
        count = Count(kind, goal, done.set)
        app = faust.App(
            f"bench-{time.time_ns()}",
            broker=f"kafka://{settings.bootstrap}",
            web_enabled=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            value_serializer="raw",
            datadir=tempfile.gettempdir(),
        )
        source: Any = app.topic(topic, key_type=bytes, value_type=bytes, value_serializer="raw")

        @app.agent(source)
        async def counting(stream: Any) -> None:
            async for value in stream:
                count.one(value)
                count.add(1)

        async def assigned(*_: Any, **__: Any) -> None:
            count.begin()

        app.on_rebalance_complete.connect(assigned, weak=False)
        await app.start()
        await done.wait()
        await app.stop()
        return count

    return asyncio.run(main())


def run_loop(settings: Settings, topic: str, kind: Kind, goal: int, decoded: bool) -> Count:
    count = Count(kind, goal)
    config = {"bootstrap.servers": settings.bootstrap, "auto.offset.reset": "earliest"}
    consumer = Consumer(config | {"group.id": f"bench-{time.time_ns()}"})
    consumer.subscribe([topic], on_assign=count.begin)
    while not count.spent:
        messages = consumer.consume(10_000, 0.1)
        if decoded:
            for message in messages:
                count.one(message.value() or b"")
        if messages:
            count.add(len(messages))
    consumer.close()
    return count


def run_getmany(settings: Settings, topic: str, kind: Kind, goal: int) -> Count:
    async def main() -> Count:
        count = Count(kind, goal)
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=settings.bootstrap,
            group_id=f"bench-{time.time_ns()}",
            auto_offset_reset="earliest",
        )
        await consumer.start()
        count.begin()
        while not count.spent:
            found = await consumer.getmany(timeout_ms=100)
            if found:
                count.add(sum(map(len, found.values())))
        await consumer.stop()
        return count

    return asyncio.run(main())


PROGRAMS: dict[str, Callable[[Settings, str, Kind, int], Count]] = {
    "worker": partial(run_worker, decoded=True),
    "undecoded": partial(run_worker, decoded=False),
    "faust": run_faust,
    "loop": partial(run_loop, decoded=True),
    "consume": partial(run_loop, decoded=False),
    "getmany": run_getmany,
}


def main(program: str, topic: str, kind: str, goal: str) -> None:
    count = PROGRAMS[program](Settings(), topic, KINDS[kind], int(goal))
    print(json.dumps({"read": count.read, "cpu_s": count.spent}))


if __name__ == "__main__":
    main(*sys.argv[1:])
