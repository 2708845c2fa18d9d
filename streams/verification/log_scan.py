"""Decoded events of stretches of the log, judged as a worker judges them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from streams.contracts.batch import Batch, Rejected
from streams.contracts.codec import SchemaLookup
from streams.contracts.decoder import read
from streams.contracts.records import Records
from streams.errors import UserError
from streams.kafka.log_reader import Span

Report = Callable[[int], None]
"""Told how many records were read since it was told last."""

Spans = Mapping[str, Mapping[int, Span]]
"""Topic -> partition -> the stretch of it that is meant."""


class ProgressReporter(Protocol):
    """Is told of progress."""

    def stage(self, what: str, total: int) -> None:
        """A stage of so many steps begins; 0: nobody knows how many."""
        ...

    def step(self, done: int) -> None:
        """So many more steps of the stage are done."""
        ...


class ScannedLog(Protocol):
    """What is needed of a LogReader."""

    def spans(self, topic: str) -> Mapping[int, Span]: ...

    def scan(self, topic: str, spans: Mapping[int, Span]) -> Iterator[Records]: ...


def everything(log: ScannedLog, topics: Sequence[str]) -> dict[str, Mapping[int, Span]]:
    """All that the topics hold now. Raises UserError where the beginning of one is gone."""
    spans = {topic: log.spans(topic) for topic in topics}
    for topic, held in spans.items():
        if gone := sorted(partition for partition, span in held.items() if span.start > 0):
            raise UserError(
                f"the first records of {topic} are gone (partition {gone[0]})",
                hint="views can be compared only with the whole log",
            )
    return spans


def count(spans: Spans) -> int:
    """How many offsets the stretches have."""
    return sum(span.end - span.start for held in spans.values() for span in held.values())


def batches(
    log: ScannedLog, topic: str, spans: Spans, lookup: SchemaLookup, report: Report
) -> Iterator[tuple[Batch, list[Rejected]]]:
    """The valid events in columns, and what no worker applies, piece by piece.

    Raises UserError, RegistryUnavailableError.
    """
    for records in log.scan(topic, spans[topic]):
        yield read(records, topic, lookup)
        report(len(records))
