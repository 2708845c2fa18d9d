"""Operators' decisions to put records into the dead letter queue, as the workers read them.

A decision is one record of the topic of decisions about dead letters. The command that writes it
moves no data: the worker of the group, which has the record's bytes, writes the dead letter or the
row of the quarantine as it does for every other record that it rejects. So the record is counted
once, and a worker that is killed in between does it again.
"""

import threading
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Final, Self

import orjson
from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.dlq.decisions import ACTIONS_TOPIC
from streams.record import RecordPosition, parse_position
from streams.runtime.producer import Message, ProducerUnavailableError

_REJECT: Final = "reject_record"
_TIMEOUT_S: Final = 10.0
_WAIT_S: Final = 0.2
_FETCH: Final = 500
_EVERY_S: Final = 2.0


def rejection_message(position: RecordPosition, group: str, reason: str) -> Message:
    """Return the message that rejects the record at `place` for one consumer group."""
    value = {"action": _REJECT, "record": str(position), "group": group, "why": reason}
    return Message(ACTIONS_TOPIC, f"{position} {group}".encode(), orjson.dumps(value))


class OperatorDecisions:
    """Operators' decisions for one consumer group: a `Decisions`, thread-safe. Must be closed."""

    def __init__(self, bootstrap: str, group: str, *, every_s: float = _EVERY_S) -> None:
        """Connect on first use; `refresh` reads no more often than every `every_s` seconds."""
        self._bootstrap = bootstrap
        self._group = group
        self._every_s = every_s
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None
        self._offsets: dict[int, int] = {}
        self._rejected: dict[str, dict[RecordPosition, str]] = {}
        self._due = 0.0

    def __enter__(self) -> Self:
        """Read the existing decisions. Raises ProducerUnavailableError."""
        try:
            self.refresh()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def of(self, topic: str) -> Mapping[RecordPosition, str]:
        """Return position -> reason of a topic's rejected records."""
        return self._rejected.get(topic, {})

    def refresh(self) -> None:
        """Read the decisions made since the last call, unless that was a moment ago.

        Raises ProducerUnavailableError if the broker does not answer.
        """
        with self._lock:
            if time.monotonic() < self._due:
                return
            try:
                self._catch_up()
            except KafkaException as error:
                raise ProducerUnavailableError(
                    f"decisions of operators cannot be read: {error.args[0].str()}"
                ) from error
            self._due = time.monotonic() + self._every_s

    def _catch_up(self) -> None:
        if self._consumer is None:
            self._consumer = self._connected()
        consumer = self._consumer
        ends: dict[int, int] = {}
        for partition, offset in self._offsets.items():
            begin, ends[partition] = self._bounds(consumer, partition)
            self._offsets[partition] = max(offset, begin)  # do not wait for deleted records
        deadline = time.monotonic() + _TIMEOUT_S
        while any(self._offsets[partition] < end for partition, end in ends.items()):
            if time.monotonic() > deadline:
                raise ProducerUnavailableError("decisions of operators cannot be read in time")
            for message in consumer.consume(_FETCH, timeout=_WAIT_S):
                if (error := message.error()) is not None:
                    raise KafkaException(error)
                self._add(message.value())
                self._offsets[message.partition() or 0] = (message.offset() or 0) + 1

    def _connected(self) -> Consumer:
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "storyline-decisions",  # required by the client; never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        try:
            found = consumer.list_topics(ACTIONS_TOPIC, timeout=_TIMEOUT_S).topics[ACTIONS_TOPIC]
            if found.error is not None:
                raise KafkaException(found.error)
            for partition in found.partitions:
                self._offsets[partition] = self._bounds(consumer, partition)[0]
            consumer.assign(
                [
                    TopicPartition(ACTIONS_TOPIC, partition, offset)
                    for partition, offset in self._offsets.items()
                ]
            )
        except BaseException:
            consumer.close()
            raise
        return consumer

    @staticmethod
    def _bounds(consumer: Consumer, partition: int) -> tuple[int, int]:
        """Return the first offset of a partition, and the one after its last record."""
        requested = TopicPartition(ACTIONS_TOPIC, partition)
        start, end = consumer.get_watermark_offsets(requested, timeout=_TIMEOUT_S)
        return start, end

    def _add(self, value: str | bytes | None) -> None:
        """Add a record's decision if it is one for this group.

        A record that cannot be read decides nothing.
        """
        try:
            decision = orjson.loads(value or b"")
            if decision["action"] != _REJECT or decision["group"] != self._group:
                return
            position, reason = parse_position(decision["record"]), str(decision["why"])
        except (ValueError, KeyError, TypeError):
            return
        found = {**self._rejected.get(position.topic, {}), position: reason}
        self._rejected = {**self._rejected, position.topic: found}


def decisions_of(bootstrap: str, group: str, topic: str) -> Mapping[RecordPosition, str]:
    """Return the decisions that a group has for a topic. Raises ProducerUnavailableError."""
    with closing(OperatorDecisions(bootstrap, group)) as decisions:
        decisions.refresh()
        return decisions.of(topic)
