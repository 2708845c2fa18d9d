"""The log beside the lake: which records there are, and where each of them landed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
from confluent_kafka import Consumer, TopicPartition
from deltalake import DeltaTable

from streams.app.settings import Settings
from streams.contracts.tables import BRONZE, QUARANTINE
from streams.kafka.consumer_groups import PartitionLag

Place = tuple[str, int, int]
"""Topic, partition, offset."""


def log_places(settings: Settings, spans: Sequence[PartitionLag]) -> Counter[Place]:
    """The committed records between `committed` (else `start`) and `end` of each partition."""
    config = {
        "bootstrap.servers": settings.bootstrap,
        "group.id": "test-log-places",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
    }
    ends = {(span.topic, span.partition): span.end for span in spans if span.lag}
    found: Counter[Place] = Counter()
    with closing(Consumer(config)) as consumer:
        begins = [
            TopicPartition(span.topic, span.partition, max(span.start, span.committed or 0))
            for span in spans
            if span.lag
        ]
        consumer.assign(begins)
        while any(
            at.offset < ends[at.topic, at.partition]
            for at in consumer.position(begins)
            if at.offset >= 0
        ) or not all(at.offset >= 0 for at in consumer.position(begins)):
            for message in consumer.consume(5000, 0.2):
                assert message.error() is None, message.error()
                place = (message.topic() or "", message.partition() or 0, message.offset() or 0)
                if place[2] < ends[place[:2]]:
                    found[place] += 1
    return found


def lake_places(lake: Path) -> Counter[Place]:
    """Every record that the lake holds, in whichever table, as often as it is there."""
    found: Counter[Place] = Counter()
    for topic, table in BRONZE.items():
        for row in _rows(lake / table, ["kafka_partition", "kafka_offset"]):
            found[topic, row["kafka_partition"], row["kafka_offset"]] += 1
    found.update(quarantined(lake).keys())
    return found


def quarantined(lake: Path) -> Mapping[Place, str]:
    """Where each record of the quarantine came from, and its code. Fails where one is repeated."""
    rows = _rows(lake / QUARANTINE, ["topic", "kafka_partition", "kafka_offset", "code"])
    codes = {
        (row["topic"], row["kafka_partition"], row["kafka_offset"]): row["code"] for row in rows
    }
    assert len(codes) == len(rows)
    return codes


def commits(lake: Path) -> int:
    """How many commits the tables of the lake have."""
    return sum(1 for _ in lake.glob("*/_delta_log/*.json"))


def _rows(table: Path, columns: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.table(DeltaTable(table).scan(columns)).to_pylist()
    return rows
