"""Records of a batch that an earlier try reported, so that none is reported or counted twice."""

from collections import Counter
from collections.abc import Iterable, Sequence

from streams.record import RecordPosition
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.reporter import Rejection


class ReportedRecords:
    """Dead letters of one batch, through all tries of it and of its parts."""

    def __init__(self) -> None:
        self._times: Counter[RecordPosition] = Counter()
        """Position -> number of reports; a batch may hold a record twice."""

    def unreported(self, rejections: Iterable[Rejection]) -> list[Rejection]:
        """Return the rejections that are still to be reported."""
        known, unreported = self._times.copy(), []
        for rejection in rejections:
            position = rejection.record.position
            if known[position]:
                known[position] -= 1
            else:
                unreported.append(rejection)
        return unreported

    def add(self, rejections: Iterable[Rejection]) -> None:
        """Record rejections that are durable now."""
        for rejection in rejections:
            self._times[rejection.record.position] += 1

    def count_no_longer_rejected(
        self, batches: Sequence[RawBatch], rejections: Iterable[Rejection]
    ) -> int:
        """Return how many of the batches' records were reported and are not in `rejections` now.

        A conflict may look like a duplicate after an earlier try applied a part.
        """
        if not self._times:
            return 0
        now = Counter(rejection.record.position for rejection in rejections)
        here = {position for batch in batches for position in batch.positions()}
        return sum(max(0, times - now[at]) for at, times in self._times.items() if at in here)
