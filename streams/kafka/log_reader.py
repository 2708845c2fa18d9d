"""Reader of topics outside any consumer group: for inspection, not for processing."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

import pyarrow as pa
from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from streams.contracts.records import Records
from streams.errors import UserError
from streams.record import Headers, Record

_TIMEOUT_S: Final = 5.0
_WAIT_S: Final = 0.3
_FETCH: Final = 500
_SILENCE_S: Final = 20.0
"""Seconds without an answer after which reading to the end fails."""
_SCAN: Final = 20_000
"""Records per chunk of a scan: enough that decoding a chunk's columns costs little per record."""


class Span(NamedTuple):
    """Offsets of a partition, from `start` to just before `end`."""

    start: int
    end: int


class LogReader:
    """Reader of the topics of the broker at `bootstrap`.

    Methods raise UserError if the broker does not answer or does not have the topic.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def read(self, topic: str, start: int | None, *, follow: bool) -> Iterator[list[Record]]:
        """Yield records of every partition, in chunks; each chunk in the order of append times.

        Args:
            topic: Topic to read.
            start: First offset of each partition. If negative, that many offsets before its end;
                if `None`, its end.
            follow: Wait for more records, yielding empty chunks if there are none, instead of
                stopping at the ends that the partitions had when reading began.
        """
        with self._consumer() as consumer:
            yield from self._read(consumer, topic, start, follow=follow)

    def spans(self, topic: str) -> dict[int, Span]:
        """Return partition -> the offsets that it holds now."""
        with self._consumer() as consumer:
            return self._spans(consumer, topic)

    def scan(self, topic: str, spans: Mapping[int, Span]) -> Iterator[Records]:
        """Yield all records of the spans (partition -> offsets) in columns, in large chunks.

        A partition's records are in order; those of several partitions are mixed.
        """
        left = {partition: span.end for partition, span in spans.items() if span.start < span.end}
        # Otherwise a long scan would fill 64 MB per partition with prefetched records.
        scanning = {"enable.partition.eof": True, "queued.max.messages.kbytes": 8192}
        with self._consumer(scanning) as consumer:
            consumer.assign([TopicPartition(topic, at, spans[at].start) for at in left])
            answered_at = time.monotonic()
            while left:
                messages = consumer.consume(_SCAN, timeout=_WAIT_S)
                answered_at = _last_answer(answered_at, bool(messages))
                found = [message for message in messages if _is_before_end(message, left)]
                if found:
                    yield _columns(topic, found)

    @contextmanager
    def _consumer(self, more: Mapping[str, Any] | None = None) -> Iterator[Consumer]:
        """Yield a consumer, close it at the end, and turn its errors into UserError."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "storyline-look",  # named because a client must be; never joined
                "enable.auto.commit": False,
                "enable.partition.eof": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
            | dict(more or {})
        )
        with closing(consumer):
            try:
                yield consumer
            except KafkaException as error:
                raise UserError(
                    f"the Kafka broker at {self._bootstrap} does not answer: {error.args[0].str()}",
                    hint="Start the local servers with: storyline up",
                ) from error

    def _read(
        self, consumer: Consumer, topic: str, start: int | None, *, follow: bool
    ) -> Iterator[list[Record]]:
        ends = self._assign(consumer, topic, start)
        answered_at = time.monotonic()
        while follow or not _at_end(consumer, topic, ends):
            messages = consumer.consume(_FETCH, timeout=_WAIT_S)
            answered_at = _last_answer(answered_at, follow or bool(messages))
            records = [_record(message) for message in messages]
            if not follow:
                records = [record for record in records if record.offset < ends[record.partition]]
            records.sort(key=lambda record: (record.append_time, *record.position))
            yield records

    def _assign(self, consumer: Consumer, topic: str, start: int | None) -> dict[int, int]:
        """Set every partition to its start and return partition -> its end offset."""
        ends: dict[int, int] = {}
        assigned: list[TopicPartition] = []
        for partition, (low, high) in self._spans(consumer, topic).items():
            first = high if start is None else high + start if start < 0 else start
            ends[partition] = high
            assigned.append(TopicPartition(topic, partition, min(max(first, low), high)))
        consumer.assign(assigned)
        return ends

    def _spans(self, consumer: Consumer, topic: str) -> dict[int, Span]:
        metadata = consumer.list_topics(timeout=_TIMEOUT_S).topics.get(topic)
        if metadata is None or metadata.error is not None:
            raise UserError(
                f"the broker at {self._bootstrap} has no topic {topic}",
                hint="Create the topics: storyline topics apply",
            )
        return {
            number: Span(
                *consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_S)
            )
            for number in metadata.partitions
        }


def _last_answer(last: float, answered: bool) -> float:
    """Return the time of the broker's last answer (monotonic clock, s).

    Raises KafkaException if that is more than `_SILENCE_S` seconds ago.
    """
    now = time.monotonic()
    if answered:
        return now
    if now - last > _SILENCE_S:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
    return last


def _at_end(consumer: Consumer, topic: str, ends: dict[int, int]) -> bool:
    """Return whether every partition was read to its end.

    A position is unknown until a record is fetched; then the assigned offset is compared.
    """
    positions = consumer.position([TopicPartition(topic, partition) for partition in ends])
    offsets = {position.partition: position.offset for position in positions}
    starts = {start.partition: start.offset for start in consumer.assignment()}
    return all(
        (starts[partition] if offsets[partition] == OFFSET_INVALID else offsets[partition]) >= end
        for partition, end in ends.items()
    )


def _is_before_end(message: Message, left: dict[int, int]) -> bool:
    """Return whether the message is a record that is left to scan; drop what is done from `left`.

    Raises KafkaException for an error that is not the end of a partition.
    """
    partition, error = _known(message.partition()), message.error()
    if error is not None:
        if error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        left.pop(partition, None)  # the last offsets may be markers of transactions
        return False
    offset, end = _known(message.offset()), left.get(partition, 0)
    if offset >= end - 1:
        left.pop(partition, None)
    return offset < end


def _columns(topic: str, messages: Sequence[Message]) -> Records:
    places = (
        pa.array([message.partition() for message in messages], pa.int32()),
        pa.array([message.offset() for message in messages], pa.int64()),
        pa.array([message.timestamp()[1] for message in messages], pa.int64()),
    )
    keys = [_bytes(message.key()) for message in messages]
    values = [_bytes(message.value()) for message in messages]
    headers = [_headers(message) for message in messages]
    return Records(topic, places, keys, values, headers)


def _record(message: Message) -> Record:
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    return Record(
        topic=message.topic() or "",
        partition=_known(message.partition()),
        offset=_known(message.offset()),
        append_time=message.timestamp()[1],
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=_headers(message),
    )


def _headers(message: Message) -> Headers:
    headers: Any = message.headers()
    return tuple((name, _bytes(value)) for name, value in headers) if headers else ()


def _known(number: int | None) -> int:
    return -1 if number is None else number


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
