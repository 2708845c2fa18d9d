"""Writers of generated events: JSON lines, or the log, optionally with bad records among them."""

from collections.abc import Callable
from typing import IO, Protocol

import orjson
from confluent_kafka import KafkaError, Message, Producer

from streams.contracts.events import Event, PostCreated
from streams.contracts.json_codec import to_json
from streams.errors import UserError
from streams.generate.malformed_records import MalformedRecord, MalformedRecords
from streams.producer import PARTITIONER, EventProducer

_LINES = 1000
_UNACKNOWLEDGED = 20_000


class EventWriter(Protocol):
    """Port of an event writer; the events sent have arrived when `flush` returns."""

    def send(self, event: Event) -> None: ...
    def flush(self) -> None: ...


class JsonLines:
    """Writer of events as JSON lines, in batches of `_LINES`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lines: list[bytes] = []

    def send(self, event: Event) -> None:
        self._lines.append(orjson.dumps(to_json(event), option=orjson.OPT_APPEND_NEWLINE))
        if len(self._lines) >= _LINES:
            self._write()

    def flush(self) -> None:
        self._write()
        self._file.flush()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        self._file.write(b"".join(lines))


class DiscardWriter:
    """Event writer of a dry run: it accepts events and keeps none."""

    def send(self, event: Event) -> None:
        """Accept an event."""

    def flush(self) -> None:
        """Return at once: nothing is in flight."""


class KafkaWriter:
    """Writer of events to Kafka. Raises PublishError soon after the broker stops acknowledging."""

    def __init__(self, producer: EventProducer) -> None:
        self._producer = producer
        self._waiting = 0

    def send(self, event: Event) -> None:
        self._producer.publish(event)
        self._waiting += 1
        if self._waiting >= _UNACKNOWLEDGED:
            self.flush()

    def flush(self) -> None:
        self._producer.flush()
        self._waiting = 0


class PoisonedWriter:
    """Writer to the log that spreads `count` bad records evenly among about `events` good ones."""

    def __init__(
        self,
        log: KafkaWriter,
        bootstrap: str,
        poisoner: MalformedRecords,
        *,
        count: int,
        events: int,
    ) -> None:
        self._log = log
        self._drop = _Dropper(bootstrap)
        self._poisoner = poisoner
        self._every = max(1, events // (count + 1))
        self._left = count
        self._since = 0
        self._post: PostCreated | None = None
        self.dropped: list[MalformedRecord] = []

    def send(self, event: Event) -> None:
        self._log.send(event)
        if isinstance(event, PostCreated):
            self._post = event
        self._since += 1
        if self._since >= self._every and self._left:
            self._since = 0
            self._slip()

    def flush(self) -> None:
        self._log.flush()

    def finish(self) -> None:
        """Send the bad records that are still due."""
        while self._left and self._post:
            self._slip()

    def _slip(self) -> None:
        if self._post is None:
            return
        # A second create must come after the first.
        self._log.flush()
        poison = self._poisoner.make(self._post)
        self._drop(poison)
        self._left -= 1
        self.dropped.append(poison)


class _Dropper:
    """A bare producer that sends bytes as they are and waits for their acknowledgement."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "partitioner": PARTITIONER,
                "message.timeout.ms": 30_000,
                "log_level": 0,
            }
        )

    def __call__(self, poison: MalformedRecord) -> None:
        errors: list[KafkaError] = []
        self._producer.produce(
            poison.topic, value=poison.value, key=poison.key, on_delivery=_noting(errors)
        )
        self._producer.flush()
        if errors:
            raise UserError(
                f"a bad record was not acknowledged: {errors[0].str()}",
                hint="storyline status shows whether the broker runs",
            )


def _noting(errors: list[KafkaError]) -> Callable[[KafkaError | None, Message], None]:
    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            errors.append(error)

    return delivered
