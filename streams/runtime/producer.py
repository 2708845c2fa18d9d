"""Kafka producer of a worker, which waits until every in-sync replica acknowledges a message."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from streams.record import Headers

log = structlog.get_logger(__name__)

MAX_MESSAGE_BYTES = 2_097_152
"""Larger than a topic's default limit, because a dead letter is the record plus headers."""

_WAIT_S = 0.2
_TRANSIENT = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._PURGE_INFLIGHT,
    KafkaError._PURGE_QUEUE,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    # An operator corrects these, like a wrong password; they say nothing about a message.
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
}


class ProducerUnavailableError(Exception):
    """Failure of the broker to acknowledge in time; the caller may send again."""


class MessageRefusedError(Exception):
    """Permanent refusal of a message by the broker; an operator must look at the cause."""


class Message(NamedTuple):
    """A message to send. `timestamp` is in milliseconds since the Unix epoch; `None` means now."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None


class AckedProducer:
    """An idempotent producer (acks=all) that waits for what it sends. Thread-safe."""

    def __init__(self, bootstrap: str, *, client_id: str, acknowledge_within_s: float = 20) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "client.id": client_id,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 2,
                "message.max.bytes": MAX_MESSAGE_BYTES,
                "delivery.timeout.ms": int(acknowledge_within_s * 1000),
            },
            logger=_Quiet(),
        )
        self._lock = threading.Lock()

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages in order and wait for every acknowledgement.

        Raises:
            ProducerUnavailableError: If the broker did not acknowledge in time; the caller may try
                again.
            MessageRefusedError: If the broker will never take one of the messages.
        """
        with self._lock:
            errors: list[KafkaError] = []
            for message in messages:
                self._enqueue(message, errors)
            while self._producer.flush(_WAIT_S):
                pass  # every message is delivered or fails within delivery.timeout.ms
        self._raise_errors(errors)

    def _enqueue(self, message: Message, errors: list[KafkaError]) -> None:
        def delivered(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                errors.append(error)

        options: dict[str, Any] = (
            {} if message.timestamp is None else {"timestamp": message.timestamp}
        )
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                    on_delivery=delivered,
                    **options,
                )
            except BufferError:
                self._producer.poll(_WAIT_S)
            except KafkaException as error:
                errors.append(error.args[0])
                return
            else:
                return

    @staticmethod
    def _raise_errors(errors: Sequence[KafkaError]) -> None:
        for error in errors:
            if error.fatal() or not (error.retriable() or error.code() in _TRANSIENT):
                raise MessageRefusedError(error.str())
        if errors:
            raise ProducerUnavailableError(errors[0].str())


class _Quiet:
    """Logger of librdkafka's own lines, which repeat what the errors say, at debug level."""

    def log(self, level: int, message: str, *args: Any) -> None:  # noqa: ARG002
        log.debug("kafka client", message=message % args if args else message)
