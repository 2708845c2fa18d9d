"""Publisher of JSON lines: good lines are sent, bad lines reported with number and reason."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import orjson

from streams.app.events.json_lines import JsonLine
from streams.contracts.events import Event
from streams.contracts.ids import SnowflakeGenerator
from streams.contracts.json_codec import JsonFormError, from_json
from streams.contracts.times import now_ms
from streams.contracts.validation import EventError, check
from streams.producer import Ack, PublishError
from streams.record import TopicPartition


class LineError(NamedTuple):
    """A line that was not published, and the reason.

    `code` is the contract's error code if the event breaks a rule, else `malformed`.
    """

    line: int
    code: str
    message: str


class Publish(Protocol):
    """Function that sends an event; the future is done when the broker acknowledges the event."""

    def __call__(self, event: Event) -> Future[Ack]: ...


@dataclass(slots=True)
class PublishOutcome:
    """Outcome of the lines; `positions` holds the last offset per topic and partition."""

    published: int = 0
    refused: int = 0
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    failure: PublishError | None = None
    failed: int = 0


def check_only(event: Event) -> Future[Ack]:
    """Validate an event as the producer does, without sending it: the `Publish` of a dry run.

    Raises:
        EventError: the event breaks a rule of the contract.
    """
    fault = check(event, now_ms())
    if fault is not None:
        raise EventError(fault)
    done: Future[Ack] = Future()
    done.set_result(Ack("", 0, 0))
    return done


class LinePublisher:
    """Publisher of lines, one by one, that keeps the outcome and reports bad lines to `refuse`.

    The outcome is complete once the producer behind `publish` is flushed.
    """

    def __init__(
        self, publish: Publish, mint: SnowflakeGenerator, refuse: Callable[[LineError], None]
    ) -> None:
        self._publish = publish
        self._mint = mint
        self._refuse = refuse
        self._lock = threading.Lock()
        self.outcome = PublishOutcome()

    def line(self, line: JsonLine) -> None:
        """Publish one line.

        Raises:
            PublishError: an earlier line was not acknowledged. The rest would fail, too.
        """
        if self.outcome.failure is not None:
            raise self.outcome.failure
        if line.repeated:
            self.outcome.refused += 1
            return
        try:
            event = self._parse(line)
            ack = self._publish(event)
        except JsonFormError as error:
            self._reject(LineError(line.number, "malformed", str(error)))
        except EventError as error:
            self._reject(LineError(line.number, str(error.fault.code), error.fault.message))
        except ValueError as error:
            self._reject(LineError(line.number, "malformed", f"not JSON: {error}"))
        else:
            ack.add_done_callback(self._acknowledged)

    def _parse(self, line: JsonLine) -> Event:
        if line.raw is None:
            raise JsonFormError(str(line.problem))
        return from_json(orjson.loads(line.raw), self._mint)

    def _reject(self, error: LineError) -> None:
        self.outcome.refused += 1
        self._refuse(error)

    def _acknowledged(self, ack: Future[Ack]) -> None:
        """Record an acknowledgement or its failure; the producer's own thread calls this."""
        error = ack.exception()
        with self._lock:
            if isinstance(error, PublishError):
                self.outcome.failed += 1
                self.outcome.failure = self.outcome.failure or error
                return
            topic, partition, offset = ack.result()
            self.outcome.published += 1
            previous = self.outcome.positions.get((topic, partition), -1)
            self.outcome.positions[topic, partition] = max(previous, offset)
