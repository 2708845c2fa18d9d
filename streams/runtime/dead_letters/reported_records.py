"""Which of a batch's records an earlier try buried: none is buried or counted twice."""

from collections import Counter
from collections.abc import Iterable, Sequence

from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.reporter import Rejection

_Place = tuple[int, int]


class ReportedRecords:
    """The dead letters of one batch, through all tries of it and of its parts."""

    def __init__(self) -> None:
        self._times: Counter[_Place] = Counter()
        """Partition and offset -> how often; a batch may hold a record twice."""

    def fresh(self, rejections: Iterable[Rejection]) -> list[Rejection]:
        """Those that are still to be buried."""
        known, fresh = self._times.copy(), []
        for rejection in rejections:
            place = _place(rejection)
            if known[place]:
                known[place] -= 1
            else:
                fresh.append(rejection)
        return fresh

    def add(self, rejections: Iterable[Rejection]) -> None:
        """These are durable now."""
        for rejection in rejections:
            self._times[_place(rejection)] += 1

    def no_longer(self, batches: Sequence[RawBatch], rejections: Iterable[Rejection]) -> int:
        """How many of the batches' records were buried and are not among `rejections` now.

        What an earlier try applied lets a conflict look like a duplicate.
        """
        if not self._times:
            return 0
        now = Counter(map(_place, rejections))
        here = {(batch.partition, offset) for batch in batches for offset in batch.offsets}
        return sum(max(0, times - now[at]) for at, times in self._times.items() if at in here)


def _place(rejection: Rejection) -> _Place:
    return rejection.record.partition, rejection.record.offset
