"""Reading what was captured: raw records of any topic, and decoded changes of `users`."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

from streams.app.accounts.change_stream import capture
from streams.app.settings import Settings

PATIENCE_S = 30.0


class Raw(NamedTuple):
    """A record as its bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Change(NamedTuple):
    """A decoded change; `op` is "tombstone" where there is no value."""

    op: str
    user_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    headers: dict[str, bytes]
    source: dict[str, Any]


def topics(settings: Settings) -> list[str]:
    """Every topic of the broker, internal ones too."""
    consumer = _consumer(settings, "read_committed")
    try:
        return sorted(consumer.list_topics(timeout=PATIENCE_S).topics)
    finally:
        consumer.close()


def raw_records(
    settings: Settings, *names: str, isolation: str = "read_committed"
) -> Iterator[Raw]:
    """All records that are in the topics now; with "read_uncommitted" also aborted ones."""
    consumer = _consumer(settings, isolation)
    try:
        found = consumer.list_topics(timeout=PATIENCE_S).topics
        unread = {(name, partition) for name in names for partition in found[name].partitions}
        consumer.assign([TopicPartition(*partition, 0) for partition in unread])
        while unread:
            message = consumer.poll(PATIENCE_S)
            assert message is not None, f"no answer about partitions {unread}"
            error = message.error()
            if error is None:
                yield _raw(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard((message.topic(), message.partition()))
            else:
                raise KafkaException(error)
    finally:
        consumer.close()


def changes(settings: Settings) -> list[Change]:
    """What was captured of `users`, committed, in the order of each partition."""
    registry = SchemaRegistryClient({"url": settings.registry_url})
    decode = AvroDeserializer(registry)
    return [_change(decode, raw) for raw in raw_records(settings, capture(settings).topic)]


def _change(decode: Any, raw: Raw) -> Change:
    key = decode(raw.key, None) if raw.key else None
    value = decode(raw.value, None) if raw.value else None
    return Change(
        op=value["op"] if value else "tombstone",
        user_id=key["user_id"] if key else None,
        before=value["before"] if value else None,
        after=value["after"] if value else None,
        headers=dict(raw.headers),
        source=value["source"] if value else {},
    )


def _consumer(settings: Settings, isolation: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": "tests-look",  # named because a client must be; never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": isolation,
            "fetch.wait.max.ms": 10,
        }
    )


def _raw(message: Any) -> Raw:
    headers = tuple(message.headers() or ())
    place = (message.topic(), message.partition(), message.offset())
    return Raw(*place, message.key(), message.value(), headers)
