"""Holds one topic's pipeline to its limit of dead letters, from batch to batch."""

import threading
from collections.abc import Collection, Sequence

from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.attempts import RecordPosition, attempts_of
from streams.runtime.dead_letters.limit import (
    CountedRecord,
    DeadLetterHistory,
    DeadLetterLimit,
    DeadLetterLimitError,
)
from streams.runtime.dead_letters.reporter import Rejection
from streams.runtime.monitoring.metrics import Metrics


class DeadLetterLimitGuard:
    """Asked before rejected records are buried, told once their batch is settled.

    Only what is rejected with one of `codes` counts, and no record that was replayed: somebody
    sent that again on purpose. A process begins knowing of no record.
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
        self._tell(0.0)

    def judge(
        self, batches: Sequence[RawBatch], rejected: Sequence[Rejection]
    ) -> Sequence[CountedRecord]:
        """Those of the rejected that count, for `settled`. Raises DeadLetterLimitError."""
        bad = self._counted(batches, rejected) if rejected else ()
        self._after(sum(map(len, batches)), bad)
        return bad

    def settled(self, count: int, bad: Sequence[CountedRecord]) -> None:
        """So many records are applied or buried, and count from now on.

        Raises DeadLetterLimitError where the parts of a divided batch, each within the limit when
        it was judged, reach it together.
        """
        with self._lock:
            self._history = self._after(count, bad)
            if (used := self._limit.used(self._history)) != self._told:
                self._tell(used)

    def _after(self, count: int, bad: Sequence[CountedRecord]) -> DeadLetterHistory:
        try:
            return self._limit.after(self._history, count, bad)
        except DeadLetterLimitError:
            self._tell(1.0)
            raise

    def _counted(
        self, batches: Sequence[RawBatch], rejected: Sequence[Rejection]
    ) -> list[CountedRecord]:
        """Those of the rejected that count, in the order of the batches."""
        codes = {
            (rejection.record.partition, rejection.record.offset): rejection.code
            for rejection in rejected
            if rejection.code in self._codes and attempts_of(rejection.record.headers) is None
        }
        places = ((batch.partition, offset) for batch in batches for offset in batch.offsets)
        return [
            CountedRecord(number, codes[at], RecordPosition(self._topic, *at))
            for number, at in enumerate(places)
            if at in codes
        ]

    def _tell(self, used: float) -> None:
        self._told = used
        self._metrics.dead_letter_limit(self._topic, used)
