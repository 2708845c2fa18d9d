"""Reading a topic from outside any consumer group: for looking, not for processing."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, Message, TopicPartition

from streams.contracts.batch import Record
from streams.errors import UserError

BEGINNING: Final = 0
_TIMEOUT_S: Final = 5.0
_WAIT_S: Final = 0.3
_FETCH: Final = 500


class LogReader:
    """Reads the topics of the broker at `bootstrap`. Methods raise UserError."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def read(self, topic: str, start: int | None, *, follow: bool) -> Iterator[list[Record]]:
        """Records of every partition, in pieces; each piece in the order of append times.

        `start` is the first offset of each partition; negative: that many before its end; None:
        its end. Ends at what was the end when it began, unless `follow`: then it waits for more,
        yielding empty pieces while there is nothing.
        """
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "storyline-look",  # named because a client must be; never joined
                "enable.auto.commit": False,
                "enable.partition.eof": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        with closing(consumer):
            try:
                yield from self._read(consumer, topic, start, follow=follow)
            except KafkaException as error:
                raise UserError(
                    f"the Kafka broker at {self._bootstrap} does not answer: {error.args[0].str()}",
                    hint="Start the local servers with: storyline up",
                ) from error

    def _read(
        self, consumer: Consumer, topic: str, start: int | None, *, follow: bool
    ) -> Iterator[list[Record]]:
        ends = self._assign(consumer, topic, start)
        while follow or not _at_end(consumer, topic, ends):
            messages = consumer.consume(_FETCH, timeout=_WAIT_S)
            records = [_record(message) for message in messages]
            if not follow:
                records = [record for record in records if record.offset < ends[record.partition]]
            records.sort(key=lambda record: (record.append_time, *record.position))
            yield records

    def _assign(self, consumer: Consumer, topic: str, start: int | None) -> dict[int, int]:
        """Set every partition to its start; returns partition -> its end offset."""
        found = consumer.list_topics(timeout=_TIMEOUT_S).topics.get(topic)
        if found is None or found.error is not None:
            raise UserError(
                f"the broker at {self._bootstrap} has no topic {topic}",
                hint="Create the topics: storyline topics apply",
            )
        ends: dict[int, int] = {}
        assigned: list[TopicPartition] = []
        for partition in found.partitions:
            low, high = consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=_TIMEOUT_S
            )
            at = high if start is None else high + start if start < 0 else start
            ends[partition] = high
            assigned.append(TopicPartition(topic, partition, min(max(at, low), high)))
        consumer.assign(assigned)
        return ends


def _at_end(consumer: Consumer, topic: str, ends: dict[int, int]) -> bool:
    """Has every partition been read up to its end? A position is unknown until it is fetched."""
    places = consumer.position([TopicPartition(topic, partition) for partition in ends])
    at = {place.partition: place.offset for place in places}
    starts = {place.partition: place.offset for place in consumer.assignment()}
    return all(
        (starts[partition] if at[partition] == OFFSET_INVALID else at[partition]) >= end
        for partition, end in ends.items()
    )


def _record(message: Message) -> Record:
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    headers: Any = message.headers() or ()
    return Record(
        topic=message.topic() or "",
        partition=_known(message.partition()),
        offset=_known(message.offset()),
        append_time=message.timestamp()[1],
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=tuple((name, _bytes(value)) for name, value in headers),
    )


def _known(number: int | None) -> int:
    return -1 if number is None else number


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
