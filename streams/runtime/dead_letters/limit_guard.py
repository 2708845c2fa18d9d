"""Guard that keeps one topic's pipeline within its limit of dead letters, from batch to batch."""

import threading
from collections.abc import Collection, Sequence
from itertools import chain

from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.attempts import attempts_of
from streams.runtime.dead_letters.limit import (
    CountedRecord,
    DeadLetterHistory,
    DeadLetterLimit,
    DeadLetterLimitError,
)
from streams.runtime.dead_letters.reporter import Rejection
from streams.runtime.monitoring.metrics import Metrics


class DeadLetterLimitGuard:
    """Guard of one topic's limit: checks rejected records, and records finished batches.

    The pipeline calls `check` before it reports rejected records, and `record_batch` once their
    batch is finished. Only rejections with one of `codes` count, and no record that was replayed,
    because an operator sent that again on purpose. A process begins with an empty history.
    """

    def __init__(
        self,
        topic: str,
        metrics: Metrics,
        limit: DeadLetterLimit | None = None,
        codes: Collection[str] = (),
    ) -> None:
        self._topic = topic
        self._metrics = metrics
        self._limit = limit or DeadLetterLimit()
        self._codes = codes
        self._history = DeadLetterHistory()
        self._lock = threading.Lock()
        self._set_used(0.0)

    def check(
        self, batches: Sequence[RawBatch], rejected: Sequence[Rejection]
    ) -> Sequence[CountedRecord]:
        """Return the rejected records that count, which the caller passes to `record_batch`.

        Raises:
            DeadLetterLimitError: If these records reach the limit.
        """
        bad = self._countable(batches, rejected) if rejected else ()
        self._after(sum(map(len, batches)), bad)
        return bad

    def record_batch(self, count: int, bad: Sequence[CountedRecord]) -> None:
        """Count `count` records as applied or reported from now on.

        Args:
            bad: Records of the batch that count, as `check` returned them.

        Raises:
            DeadLetterLimitError: If the parts of a divided batch reach the limit together, although
                each was within the limit when it was checked.
        """
        with self._lock:
            self._history = self._after(count, bad)
            if (used := self._limit.used(self._history)) != self._used:
                self._set_used(used)

    def _after(self, count: int, bad: Sequence[CountedRecord]) -> DeadLetterHistory:
        try:
            return self._limit.after(self._history, count, bad)
        except DeadLetterLimitError:
            self._set_used(1.0)
            raise

    def _countable(
        self, batches: Sequence[RawBatch], rejected: Sequence[Rejection]
    ) -> list[CountedRecord]:
        """Return the rejected records that count, in the order of the batches."""
        codes = {
            rejection.record.position: rejection.code
            for rejection in rejected
            if rejection.code in self._codes and attempts_of(rejection.record.headers) is None
        }
        positions = chain.from_iterable(batch.positions() for batch in batches)
        return [
            CountedRecord(number, codes[position], position)
            for number, position in enumerate(positions)
            if position in codes
        ]

    def _set_used(self, used: float) -> None:
        self._used = used
        self._metrics.dead_letter_limit(self._topic, used)
