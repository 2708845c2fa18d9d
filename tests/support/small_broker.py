"""A broker in this process, which starts in milliseconds: the mock cluster of librdkafka.

It speaks Kafka's protocol on a port of its own and makes topics on first write. It creates no topic
on request, for it has no controller.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

from streams.app.settings import Settings


@contextmanager
def small_broker(*topics: str) -> Iterator[Settings]:
    """Yield the settings of a broker that holds one record of each of these topics."""
    cluster = Producer(
        {"bootstrap.servers": "in.this.process:1", "test.mock.num.brokers": 1, "log_level": 0}
    )
    [broker] = cluster.list_topics(timeout=10).brokers.values()
    usual = Settings()
    settings = usual.model_copy(
        update={"host": broker.host, "ports": usual.ports.model_copy(update={"kafka": broker.port})}
    )
    append(settings, topics)
    yield settings
    del cluster  # which ends the broker


def append(settings: Settings, topics: Iterable[str]) -> None:
    """Append a record to each topic."""
    producer = Producer({"bootstrap.servers": settings.bootstrap, "log_level": 0})
    for topic in topics:
        producer.produce(topic, key=b"1", value=b"1")
    assert producer.flush(10) == 0
