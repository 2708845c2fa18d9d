"""Positions of the lake in the log, read from its tables, not from the commits of its group."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from deltalake import DeltaTable

from streams.contracts.bronze import QUARANTINE_TABLE, bronze_table
from streams.kafka.consumer_groups import PartitionLag
from streams.sinks.delta.landing import next_offsets

_TIMEOUT_S: Final = 10.0
_WAIT_S: Final = 0.2

Offsets = Mapping[tuple[str, int], int]
"""(topic, partition) -> offset."""


def lake_lags(bootstrap: str, lake: Path, lags: Sequence[PartitionLag]) -> list[PartitionLag]:
    """Return the lags of the lake's group by its tables.

    An operator who resets the group's offsets moves its commits, and nothing in the tables: the
    worker goes back to the first record that is missing in the tables.

    Args:
        bootstrap: Address of the broker.
        lake: Folder of the tables.
        lags: Lags by the group's commits. Those of topics without tables are returned unchanged.

    Raises:
        KafkaException: the broker does not answer.
    """
    landed = {topic for topic in {lag.topic for lag in lags} if _has_tables(lake, topic)}
    partitions = [(lag.topic, lag.partition) for lag in lags if lag.topic in landed]
    missing = dict(next_offsets(lake, partitions)) if partitions else {}
    ends = {(lag.topic, lag.partition): lag.end for lag in lags}
    starts = {(lag.topic, lag.partition): lag.start for lag in lags}
    open_ = {key: max(offset, starts[key]) for key, offset in missing.items() if offset < ends[key]}
    applied = {**missing, **first_records(bootstrap, open_, ends)}
    return [lag._replace(applied=applied.get((lag.topic, lag.partition))) for lag in lags]


def first_records(bootstrap: str, starts: Offsets, ends: Offsets) -> dict[tuple[str, int], int]:
    """Return the offset of each partition's first record from `starts` on.

    Markers of transactions take offsets and are no records: no table ever reaches them.

    Args:
        bootstrap: Address of the broker.
        starts: Offset of each partition from which to look.
        ends: End of each partition, returned if there is no record from its start on.

    Raises:
        KafkaException: the broker does not answer within 10 seconds.
    """
    if not starts:
        return {}
    found: dict[tuple[str, int], int] = {}
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "storyline-look",  # required by the client; never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "log_level": 0,
        }
    )
    with closing(consumer):
        consumer.assign([TopicPartition(*key, offset) for key, offset in starts.items()])
        waited = 0.0
        while len(found) < len(starts):
            messages = consumer.consume(len(starts), timeout=_WAIT_S)
            waited = 0.0 if messages else waited + _WAIT_S
            if waited > _TIMEOUT_S:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            for message in messages:
                key = (message.topic() or "", message.partition() or 0)
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                found.setdefault(key, ends[key] if error else message.offset() or 0)
    return {key: min(offset, ends[key]) for key, offset in found.items()}


def _has_tables(lake: Path, topic: str) -> bool:
    return all(map(_is_table, (lake / bronze_table(topic).name, lake / QUARANTINE_TABLE.name)))


def _is_table(path: Path) -> bool:
    return (path / "_delta_log").is_dir() and DeltaTable.is_deltatable(str(path))
