"""From the broker into a Delta table: the lake worker, and a loop that writes the same rows.

`worker` is `storyline run lake` with its defaults, in a process of its own, from the first record
read to the last one committed. `bare` is a loop over a confluent-kafka consumer that decodes and
judges the same likes by the same code and appends the same batches with delta-rs, in this process,
without group, positions, dead letters or metrics.
"""

import os
import subprocess
import sys
import time
from itertools import islice
from typing import Final

import psutil
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from deltalake import WriterProperties, write_deltalake

from bench.events import KINDS, publish, schema_id
from bench.report import Report
from streams.agents.registry import AGENTS
from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.app.stack import environment
from streams.app.stores import progress
from streams.contracts.bronze import bronze_table, lake_tables
from streams.contracts.decoder import decode_and_validate
from streams.contracts.records import Records
from streams.record import Record
from streams.sinks.delta.rows import bronze_rows
from streams.sinks.delta.table import LakeTable, create_tables

SERVERS: Final = ("kafka", "registry")
_LIKES: Final = KINDS["likes"]
_RECORDS: Final = {"tiny": 2000, "small": 400_000, "full": 2_000_000}
_BATCH: Final = 100_000


def ends(settings: Settings) -> list[TopicPartition]:
    """The end of every partition that the worker reads."""
    lags = progress(settings).lag({settings.group("lake"): AGENTS["lake"].topics})
    return [TopicPartition(lag.topic, lag.partition, lag.end) for lag in lags]


def begin_at(settings: Settings, places: list[TopicPartition]) -> None:
    """Let group and lake begin at these offsets."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
    group = ConsumerGroupTopicPartitions(settings.group("lake"), places)
    for answer in admin.alter_consumer_group_offsets([group]).values():
        answer.result(30)
    create_tables(settings.lake_path, lake_tables())
    for topic in {place.topic for place in places}:
        table = LakeTable(settings.lake_path, bronze_table(topic))
        reached = {at.partition: at.offset - 1 for at in places if at.topic == topic and at.offset}
        if reached:
            table.append(table.schema.empty_table(), topic, reached)


def worker(settings: Settings) -> float:
    """CPU seconds."""
    command = [sys.executable, "-m", "streams.cli.main", "run", "lake"]
    log = settings.home / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=os.environ | environment(settings), stderr=output)
    watched = psutil.Process(process.pid)
    while '"working"' not in log.read_text():
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)
    before = watched.cpu_times()
    groups = {settings.group("lake"): [_LIKES.topic]}
    asked = progress(settings)
    while any(lag.lag for lag in asked.lag(groups)):
        assert process.poll() is None, log.read_text()
        time.sleep(0.2)
    after = watched.cpu_times()
    process.terminate()
    process.wait(60)
    return float(after.user + after.system - before.user - before.system)


def bare(settings: Settings, places: list[TopicPartition], count: int) -> float:
    """CPU seconds."""
    lookup = schema_registry(settings).schema_text
    folder = settings.home / "bare"
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "bench-bronze"})
    consumer.assign([place for place in places if place.topic == _LIKES.topic])
    before, landed = time.process_time(), 0
    while landed < count:
        records: list[Record] = []
        while len(records) < min(_BATCH, count - landed):
            records += [
                Record(
                    _LIKES.topic,
                    message.partition() or 0,
                    message.offset() or 0,
                    message.timestamp()[1],
                    message.key(),
                    message.value(),
                )
                for message in consumer.consume(min(10_000, _BATCH - len(records)), 0.1)
            ]
        batch, rejected = decode_and_validate(Records.of(records), _LIKES.topic, lookup)
        assert not rejected
        write_deltalake(
            folder,
            bronze_rows(batch),
            mode="append",
            partition_by=["append_date"],
            writer_properties=WriterProperties(compression="ZSTD"),
        )
        landed += len(records)
    consumer.close()
    return time.process_time() - before


def run(report: Report, size: str, settings: Settings) -> None:
    count, places = _RECORDS[size], ends(settings)
    begin_at(settings, places)
    likes = islice(_LIKES.messages(schema_id(settings, _LIKES)), count)
    publish(settings, _LIKES.topic, likes)
    report.figure("worker", "events/CPU s", count / worker(settings))
    report.figure("bare", "events/CPU s", count / bare(settings, places, count))
    report.goal("worker", at_least=100_000)
    report.ratio("worker", "bare", at_least=0.6)
