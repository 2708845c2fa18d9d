"""Reporting of records that can never be applied to `<topic>.dlq`, whole, with reason headers."""

from collections.abc import Callable, Sequence
from typing import Protocol

from streams.record import Headers, Record, RecordPosition
from streams.runtime.dead_letters.attempts import counted
from streams.runtime.dead_letters.header_names import (
    ATTEMPT_HEADERS,
    ERROR_HEADERS,
    POSITION_HEADERS,
)
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.producer import Message


class Rejection(Protocol):
    """A record that cannot be applied, and why; `message` quotes none of the record's content."""

    @property
    def record(self) -> Record: ...
    @property
    def code(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def message(self) -> str: ...


class DeadLetterSink(Protocol):
    """Port of the store that keeps records that can never be applied."""

    def report(self, rejections: Sequence[Rejection], class_name: str) -> None:
        """Keep the records durably, each with its reason, and only then count them.

        Args:
            class_name: Name of the step that refused the records.
        """
        ...


def dead_letter_topic(topic: str) -> str:
    return f"{topic}.dlq"


def error_headers(rejection: Rejection, *, group: str, class_name: str) -> Headers:
    """Return the headers that a dead letter adds: Kafka Connect's names, and two of Storyline's.

    A replayed record has its number of attempts in one more.
    """
    record = rejection.record
    texts = (
        record.topic,
        str(record.partition),
        str(record.offset),
        rejection.stage,
        class_name,
        rejection.error,
        rejection.message,
        str(rejection.code),
        group,
    )
    named = zip(ERROR_HEADERS, texts, strict=True)
    return (*((name, text.encode()) for name, text in named), *counted(record.headers))


def failed_at(headers: Headers) -> RecordPosition | None:
    """Return the position of a dead letter's record; `None` if the headers do not contain it."""
    named = dict(headers)
    topic, *numbers = (named.get(name) or b"" for name in POSITION_HEADERS)
    try:
        return RecordPosition(topic.decode(), *(int(number) for number in numbers))
    except ValueError:
        return None


def own_headers(headers: Headers) -> Headers:
    """Return the record's own headers, without those that reporting and replay added.

    The headers that reporting added are the last ones of their names: a record may have had such a
    header itself.
    """
    kept: list[tuple[str, bytes | None]] = []
    ours = set(ERROR_HEADERS)
    for name, value in reversed(headers):
        if name in ours:
            ours.remove(name)
        elif name not in ATTEMPT_HEADERS:
            kept.append((name, value))
    return tuple(reversed(kept))


class DeadLetterReporter:
    """Reporter of records to the dead letter queues of one consumer group."""

    def __init__(self, send: Callable[[Sequence[Message]], None], metrics: Metrics) -> None:
        self._send = send
        self._metrics = metrics

    def report(self, rejections: Sequence[Rejection], class_name: str) -> None:
        """Write the records, wait for the acknowledgement, and only then count them.

        A record's own headers come first, so that of equal names the last one is Storyline's.
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
