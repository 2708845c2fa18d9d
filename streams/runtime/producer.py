"""The worker's one producer: what it returns from is acknowledged by every in-sync replica."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

Headers = tuple[tuple[str, bytes | None], ...]

log = structlog.get_logger(__name__)

MAX_MESSAGE_BYTES = 2_097_152
"""Above what a topic takes by default, for a dead letter is the record and its headers."""

_WAIT_S = 0.2
_PASSING = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._PURGE_INFLIGHT,
    KafkaError._PURGE_QUEUE,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    # An operator's to correct, like a wrong password: no verdict about a message.
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
}


class ProducerUnavailableError(Exception):
    """The broker did not acknowledge in time; send again."""


class MessageRefusedError(Exception):
    """The broker will never take this message; somebody must look."""


class Message(NamedTuple):
    """A message to send; `timestamp` in ms, None for now."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None


class AckedProducer:
    """An idempotent producer (acks=all) that waits for what it sends. Safe between threads."""

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
        """Send in order and wait for every acknowledgement.

        Raises ProducerUnavailableError (try again) or MessageRefusedError (never will).
        """
        with self._lock:
            errors: list[KafkaError] = []
            for message in messages:
                self._enqueue(message, errors)
            while self._producer.flush(_WAIT_S):
                pass  # every message is delivered or fails within delivery.timeout.ms
        self._judge(errors)

    def _enqueue(self, message: Message, errors: list[KafkaError]) -> None:
        def delivered(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                errors.append(error)

        when: dict[str, Any] = {} if message.timestamp is None else {"timestamp": message.timestamp}
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                    on_delivery=delivered,
                    **when,
                )
            except BufferError:
                self._producer.poll(_WAIT_S)
            except KafkaException as error:
                errors.append(error.args[0])
                return
            else:
                return

    @staticmethod
    def _judge(errors: Sequence[KafkaError]) -> None:
        for error in errors:
            if error.fatal() or not (error.retriable() or error.code() in _PASSING):
                raise MessageRefusedError(error.str())
        if errors:
            raise ProducerUnavailableError(errors[0].str())


class _Quiet:
    """librdkafka's own log lines, which repeat what the errors say, at debug level."""

    def log(self, level: int, message: str, *args: Any) -> None:  # noqa: ARG002
        log.debug("kafka client", message=message % args if args else message)
