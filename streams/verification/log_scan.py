"""Decoded events of spans of the log, validated as a worker validates them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from streams.contracts.batch import Batch, Rejected
from streams.contracts.codec import SchemaLookup
from streams.contracts.decoder import decode_and_validate
from streams.contracts.records import Records
from streams.errors import UserError
from streams.kafka.log_reader import Span

Report = Callable[[int], None]
"""Receives the number of records read since the last call."""

Spans = Mapping[str, Mapping[int, Span]]
"""Topic -> partition -> offsets of the partition."""


class ProgressReporter(Protocol):
    """Port of a display of progress."""

    def stage(self, what: str, total: int) -> None:
        """Begin a stage of `total` steps; `0` if the number is unknown."""
        ...

    def step(self, done: int) -> None:
        """Count `done` more steps of the stage as done."""
        ...


class ScannedLog(Protocol):
    """Port of the log: the part of a `LogReader` that a scan needs."""

    def spans(self, topic: str) -> Mapping[int, Span]: ...

    def scan(self, topic: str, spans: Mapping[int, Span]) -> Iterator[Records]: ...


def everything(log: ScannedLog, topics: Sequence[str]) -> dict[str, Mapping[int, Span]]:
    """Return the spans of all records that the topics have now.

    Raises UserError if the first records of a topic are gone, or the broker does not answer.
    """
    spans = {topic: log.spans(topic) for topic in topics}
    for topic, held in spans.items():
        if gone := sorted(partition for partition, span in held.items() if span.start > 0):
            raise UserError(
                f"the first records of {topic} are gone (partition {gone[0]})",
                hint="views can be compared only with the whole log",
            )
    return spans


def count(spans: Spans) -> int:
    """Return the number of offsets in the spans."""
    return sum(span.end - span.start for held in spans.values() for span in held.values())


def batches(
    log: ScannedLog, topic: str, spans: Spans, lookup: SchemaLookup, report: Report
) -> Iterator[tuple[Batch, list[Rejected]]]:
    """Yield the valid events in columns and the records that no worker applies, in chunks.

    Args:
        log: Log to read.
        topic: Topic to read.
        spans: Spans of at least this topic.
        lookup: Schemas of the topic's records.
        report: Receives the number of records of each chunk.

    Raises:
        UserError: The broker does not answer.
        RegistryUnavailableError: The schema registry cannot answer now.
    """
    for records in log.scan(topic, spans[topic]):
        yield decode_and_validate(records, topic, lookup)
        report(len(records))
