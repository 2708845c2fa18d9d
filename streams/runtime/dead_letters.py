"""Records that can never be applied go to `<topic>.dlq`, whole, with the reason in headers."""

from collections.abc import Callable, Sequence
from typing import Protocol

from streams.runtime.metrics import Metrics
from streams.runtime.outbox import Headers, Message

CODE_HEADER = "storyline.error.code"
GROUP_HEADER = "storyline.consumer.group"
_CONNECT = "__connect.errors."


class RawRecord(Protocol):
    """One record as the broker gave it; `append_time` in ms since the Unix epoch."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def append_time(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...


class Rejection(Protocol):
    """A record that cannot be applied, and why; the message quotes none of its content."""

    @property
    def record(self) -> RawRecord: ...
    @property
    def code(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def message(self) -> str: ...


def dead_letter_topic(topic: str) -> str:
    return f"{topic}.dlq"


def error_headers(rejection: Rejection, *, group: str, class_name: str) -> Headers:
    """The headers of a dead letter, named as Kafka Connect names them, and two of our own."""
    record = rejection.record
    named = {
        f"{_CONNECT}topic": record.topic,
        f"{_CONNECT}partition": str(record.partition),
        f"{_CONNECT}offset": str(record.offset),
        f"{_CONNECT}stage": rejection.stage,
        f"{_CONNECT}class.name": class_name,
        f"{_CONNECT}exception.class.name": rejection.error,
        f"{_CONNECT}exception.message": rejection.message,
        CODE_HEADER: str(rejection.code),
        GROUP_HEADER: group,
    }
    return tuple((name, text.encode()) for name, text in named.items())


class DeadLetters:
    """The dead letter queues of one consumer group."""

    def __init__(self, send: Callable[[Sequence[Message]], None], metrics: Metrics) -> None:
        self._send = send
        self._metrics = metrics

    def bury(self, rejections: Sequence[Rejection], class_name: str) -> None:
        """Write the records and wait for the acknowledgement; only then are they counted.

        A record's own headers come first, so that of equal names the last one is ours.
        """
        self._send(
            [
                Message(
                    topic=dead_letter_topic(rejection.record.topic),
                    key=rejection.record.key,
                    value=rejection.record.value,
                    headers=(
                        *rejection.record.headers,
                        *error_headers(rejection, group=self._metrics.group, class_name=class_name),
                    ),
                    timestamp=rejection.record.append_time,
                )
                for rejection in rejections
            ]
        )
        for rejection in rejections:
            self._metrics.dead_letter(rejection.record.topic, str(rejection.code))
