"""Producer of events, for other programs to import: it writes to Storyline's log.

    with EventProducer("127.0.0.1:19092", "http://127.0.0.1:18081/apis/ccompat/v7", node=7) as log:
        ack = log.publish({"type": "UserFollowed", "follower_id": "1", "followee_id": "2"})
        print(ack.result())  # Ack(topic='social.follows.v1', partition=3, offset=0)

An event counts as published once its `ack` is done: then all in-sync replicas have it.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.contracts.catalog import TopicSpec, topic_of
from streams.contracts.codec import encode
from streams.contracts.events import Event
from streams.contracts.ids import SnowflakeGenerator
from streams.contracts.json_codec import from_json
from streams.contracts.times import now_ms
from streams.contracts.validation import EventError, check
from streams.errors import UserError
from streams.kafka.schema_registry import SchemaRegistry

PARTITIONER: Final = "murmur2_random"
"""Java's default partitioner by key; librdkafka's own default would be CRC32."""
_POLL_S: Final = 0.05
_CONNECT_S: Final = 5.0


class PublishError(UserError):
    """Error of an event that was not acknowledged: it may or may not be in the log."""


class Ack(NamedTuple):
    """Position of an event in the log."""

    topic: str
    partition: int
    offset: int


class EventProducer:
    """Writer of events to the log, each once and in order per key; thread-safe.

    Args:
        bootstrap: Address of the broker, `host:port`.
        registry_url: Address of the schema registry, with the path of its Confluent API.
        node: Snowflake node of the ids that this producer mints, its own among all producers.
        queue_events: Maximum number of events that wait for their acknowledgement; beyond that
            `publish` blocks.
        timeout_s: Seconds after which an event without an acknowledgement fails.

    Raises:
        PublishError: The broker does not answer.
    """

    def __init__(
        self,
        bootstrap: str,
        registry_url: str,
        *,
        node: int = 0,
        queue_events: int = 50_000,
        timeout_s: float = 60.0,
    ) -> None:
        self.mint = SnowflakeGenerator(node)
        self._bootstrap = bootstrap
        self._registry = SchemaRegistry(registry_url)
        self._schema_ids: dict[str, int] = {}
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": PARTITIONER,
                "compression.type": "lz4",
                "linger.ms": 5,
                "queue.buffering.max.messages": queue_events,
                "message.timeout.ms": int(timeout_s * 1000),
                "log_level": 0,
            }
        )
        self._known_topics = self._list_topics()
        self._failed: list[PublishError] = []
        self._closing = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="producer-poll", daemon=True)
        self._poller.start()

    def publish(self, event: Event | Mapping[str, Any]) -> Future[Ack]:
        """Send an event, or an event's JSON form whose mintable fields may be missing.

        Returns:
            A future: its result is the event's position in the log, its exception a PublishError.

        Raises:
            JsonFormError: The mapping is not the JSON form of an event.
            EventError: The event breaks a rule.
            SchemaMissingError: The registry does not have the event's schema.
            RegistryRefusedError: The registry refuses the question.
            RegistryUnavailableError: The schema registry cannot answer now.
            PublishError: The broker has no such topic. Like the other errors, it is raised at
                once, and nothing was sent.
        """
        if not isinstance(event, Event):
            event = from_json(event, self.mint)
        fault = check(event, now_ms())
        if fault is not None:
            raise EventError(fault)
        record_type = type(event).__name__
        spec = topic_of(record_type)
        schema_id = self._schema_id(spec, record_type)
        key = b"%d" % getattr(event, spec.key)
        return self._produce(spec.name, key, encode(event, schema_id))

    def flush(self) -> None:
        """Wait until every event so far is acknowledged or failed.

        Raises PublishError, with their number, if events failed since the last flush.
        """
        while len(self._producer):
            self._producer.flush(_POLL_S)
        failed, self._failed = self._failed, []
        if failed:
            raise PublishError(
                f"{len(failed)} events were not acknowledged; the first: {failed[0].message}",
                hint=failed[0].hint,
            )

    def close(self) -> None:
        """Flush and stop. Raises PublishError if events failed since the last flush."""
        try:
            self.flush()
        finally:
            self._closing.set()
            self._poller.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _produce(self, topic: str, key: bytes, value: bytes) -> Future[Ack]:
        ack: Future[Ack] = Future()
        ack.set_running_or_notify_cancel()  # what is sent cannot be taken back

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                ack.set_result(Ack(topic, message.partition() or 0, message.offset() or 0))
                return
            failure = self._failure(topic, error)
            self._failed.append(failure)
            ack.set_exception(failure)

        while True:
            try:
                self._producer.produce(topic, value=value, key=key, on_delivery=delivered)
            except BufferError:  # the queue is full: wait for acknowledgements
                self._producer.poll(_POLL_S)
            except KafkaException as error:
                raise self._failure(topic, error.args[0]) from error
            else:
                return ack

    def _schema_id(self, spec: TopicSpec, record_type: str) -> int:
        if record_type not in self._schema_ids:
            if spec.name not in self._known_topics:
                self._known_topics = self._list_topics()
            if spec.name not in self._known_topics:
                raise PublishError(
                    f"the broker at {self._bootstrap} has no topic {spec.name}",
                    hint="Create it: storyline topics apply",
                )
            self._schema_ids[record_type] = self._registry.schema_id(spec.name, record_type)
        return self._schema_ids[record_type]

    def _list_topics(self) -> frozenset[str]:
        try:
            return frozenset(self._producer.list_topics(timeout=_CONNECT_S).topics)
        except KafkaException as error:
            raise PublishError(
                f"the Kafka broker at {self._bootstrap} does not answer: {error.args[0].str()}",
                hint="Start the local servers with: storyline up",
            ) from error

    def _failure(self, topic: str, error: KafkaError) -> PublishError:
        return PublishError(
            f"{topic}: the broker at {self._bootstrap} did not acknowledge: {error.str()}",
            hint="See what it is up to: storyline status",
        )

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL_S)
