"""Limit on dead letters: a topic's consumer stops if too many records cannot be applied.

A deployment that went wrong, of a producer or of the worker itself, must not drain a topic into its
dead letters. Records count in the order in which they came; no clock is read, and good records cost
nothing.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from streams.record import RecordPosition


class CountedRecord(NamedTuple):
    """A record that counts towards the limit: its number, error code and position in the log."""

    number: int
    code: str
    position: RecordPosition


@dataclass(frozen=True, slots=True)
class DeadLetterHistory:
    """Records of one topic that a process finished, as far as a limit needs them."""

    records: int = 0
    """Number of all finished records."""
    bad: tuple[CountedRecord, ...] = ()
    """Latest records that count, oldest first, numbered among all records from 0."""
    run: int = 0
    """Number of bad records at the end, with no good record between or after them."""


class DeadLetterLimitError(Exception):
    """Excess of records that cannot be applied.

    The records that were to be reported last are neither reported nor acknowledged.
    """

    def __init__(self, bad: Sequence[CountedRecord], total: int) -> None:
        ((self.code, times),) = Counter(str(record.code) for record in bad).most_common(1)
        self.first = bad[0].position
        super().__init__(
            f"{len(bad)} of the last {total} records of {self.first.topic} cannot be applied, "
            f"{times} of them for {self.code}; the first is at {self.first}"
        )


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """Limit on a topic's bad records; its consumer stops at the limit.

    The limit is reached if the last `consecutive` records are bad, or if a share of `ratio` of the
    last `window` records is bad (of all records, while there are fewer), and no fewer than
    `minimum`. So, of any `window` successive records, fewer than the greater of `minimum` and
    `ratio * window` are reported. A `consecutive` of 0, or a `ratio` of 0, stops nothing.
    """

    ratio: float = 0.0
    window: int = 1000
    minimum: int = 100
    consecutive: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.ratio <= 1 <= self.minimum <= self.window and self.consecutive >= 0):
            raise ValueError(f"no such limit can be kept: {self}")

    def after(
        self, history: DeadLetterHistory, count: int, bad: Sequence[CountedRecord] = ()
    ) -> DeadLetterHistory:
        """Return the history after one more batch; `history` itself does not change.

        Args:
            count: Number of records in the batch.
            bad: Records of the batch that count, in their order, numbered within the batch from 0.

        Raises:
            DeadLetterLimitError: If the limit is reached at one of `bad`.
        """
        known, run = list(history.bad), history.run
        for number, code, position in bad:
            number += history.records
            run = run + 1 if known and known[-1].number == number - 1 else 1
            known.append(CountedRecord(number, code, position))
            if self._used(known, number + 1, run) >= 1:
                raise self._error(known, number + 1, run)
        records = history.records + count
        if not known or known[-1].number != records - 1:
            run = 0
        oldest = records - max(self.window, self.consecutive)
        return DeadLetterHistory(records, tuple(known[_first_from(oldest, known) :]), run)

    def used(self, history: DeadLetterHistory) -> float:
        """Return how near the limit is: 0 without a bad record, 1 if the limit is reached."""
        return self._used(history.bad, history.records, history.run)

    def _used(self, bad: Sequence[CountedRecord], records: int, run: int) -> float:
        consecutive = run / self.consecutive if self.consecutive else 0.0
        if not (bad and self.ratio):
            return consecutive
        recent, total = self._in_window(bad, records)
        return max(consecutive, min(recent / self.minimum, recent / total / self.ratio))

    def _in_window(self, bad: Sequence[CountedRecord], records: int) -> tuple[int, int]:
        """Return how many of the window's records are bad, and how many records it holds."""
        recent = len(bad) - _first_from(records - self.window, bad)
        return recent, min(records, self.window)

    def _error(self, bad: Sequence[CountedRecord], records: int, run: int) -> DeadLetterLimitError:
        if run == self.consecutive:
            return DeadLetterLimitError(bad[-run:], run)
        recent, total = self._in_window(bad, records)
        return DeadLetterLimitError(bad[-recent:], total)


def _first_from(number: int, bad: Sequence[CountedRecord]) -> int:
    """Return the index of the first bad record whose number is at least `number`."""
    return bisect_left(bad, number, key=lambda record: record.number)
