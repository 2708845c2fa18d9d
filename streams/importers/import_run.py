"""Run of one import: a reader turns pieces of input into events, or the report counts them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from streams.contracts.events import Event
from streams.contracts.validation import check
from streams.errors import UserError
from streams.importers.activitypub import OutboxReader
from streams.importers.input_lines import MAX_LINE, InputLine
from streams.importers.mapping import IdentityMap
from streams.importers.outbox_files import Item
from streams.importers.report import ImportReport, Reason, SkippedError

_BATCH: Final = 5000
_BATCH_S: Final = 2.0

Piece = TypeVar("Piece")
Read = Callable[[bytes], Sequence[Event]]


def events_of_lines(
    lines: Iterable[InputLine],
    read: Read,
    report: ImportReport,
    mapping: IdentityMap | None,
    *,
    name: str,
    now_ms: Callable[[], int],
) -> Iterator[Event]:
    """Yield the events of lines; report every line that has none.

    Args:
        lines: The input.
        read: Returns the events of a line, or raises SkippedError.
        report: Counts every line.
        mapping: Committed before the events that use its ids are yielded, so that an interrupted
            import that is repeated gives the same ids.
        name: Name of the input in the report.
        now_ms: Returns the present, milliseconds since the Unix epoch.
    """

    def read_line(line: InputLine) -> Sequence[Event]:
        if line.raw is None:
            raise SkippedError(Reason.TOO_LONG, f"the line has more than {MAX_LINE} bytes")
        return read(line.raw)

    placed = ((f"{name}:{line.number}", line) for line in lines)
    return _events(placed, read_line, report, mapping, now_ms)


def events_of_items(
    items: Callable[[], Iterator[Item]],
    reader: OutboxReader,
    report: ImportReport,
    mapping: IdentityMap,
    *,
    now_ms: Callable[[], int],
) -> Iterator[Event]:
    """Yield the events of outboxes; report every item that has none.

    Args:
        items: Returns the items; called twice, because the reader first learns from all of them.
        reader: Turns items into events.
        report: Counts every item.
        mapping: Committed before the events that use its ids are yielded, so that an interrupted
            import that is repeated gives the same ids.
        now_ms: Returns the present, milliseconds since the Unix epoch.
    """
    for item in items():
        reader.learn(item.value)

    def read_item(item: Item) -> Sequence[Event]:
        if item.reason is not None:
            raise SkippedError(item.reason, item.detail)
        return reader.read(item.value)

    placed = ((f"{item.file}#{item.number}", item) for item in items())
    return _events(placed, read_item, report, mapping, now_ms)


def _events(
    placed: Iterable[tuple[str, Piece]],
    read: Callable[[Piece], Sequence[Event]],
    report: ImportReport,
    mapping: IdentityMap | None,
    now_ms: Callable[[], int],
) -> Iterator[Event]:
    batch: list[Event] = []
    begun = time.monotonic()
    try:
        for place, piece in placed:
            report.items += 1
            try:
                events = read(piece)
                _check(events, now_ms())
            except SkippedError as skipped:
                report.skip(place, skipped.reason, skipped.detail)
                continue
            batch += events
            if len(batch) >= _BATCH or time.monotonic() - begun >= _BATCH_S:
                yield from _released(batch, mapping, report)
                begun = time.monotonic()
    except UserError:  # the input is damaged: what came before it counts
        yield from _released(batch, mapping, report)
        raise
    yield from _released(batch, mapping, report)


def _check(events: Sequence[Event], now_ms: int) -> None:
    for event in events:
        fault = check(event, now_ms)
        if fault is not None:
            raise SkippedError(Reason.INVALID_EVENT, fault.message)


def _released(
    batch: list[Event], mapping: IdentityMap | None, report: ImportReport
) -> Iterator[Event]:
    if mapping is not None:
        mapping.commit()
        report.collisions = mapping.collisions
    yield from batch
    batch.clear()
