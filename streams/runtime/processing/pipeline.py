"""Pipeline of a topic's fetched batches: decode -> project -> dead letters -> apply.

When `run` returns, every record of the batch is applied, recognised as a duplicate, or durable
among the dead letters, and the batch may be acknowledged. When `run` raises, nothing may be
acknowledged: the batch will be read again, and every step is idempotent. If `run` would report too
many records as dead letters, it raises before it reports any.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import structlog

from streams.record import RecordPosition
from streams.runtime.consumer.raw_batch import RawBatch, cut
from streams.runtime.dead_letters.limit import CountedRecord
from streams.runtime.dead_letters.limit_guard import DeadLetterLimitGuard
from streams.runtime.dead_letters.reported_records import ReportedRecords
from streams.runtime.dead_letters.reporter import DeadLetterSink, Rejection
from streams.runtime.monitoring.blockages import Blockage, Blockages, shortened
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.rejections import (
    Decisions,
    NoDecisions,
    split_decided,
    store_refusal,
)
from streams.runtime.processing.retry import RetryPolicy

log = structlog.get_logger(__name__)

B = TypeVar("B")
P = TypeVar("P", bound="BatchOutcome")
T = TypeVar("T")


class BatchOutcome(Protocol):
    """Outcome of projecting a batch.

    Each event is in exactly one of `applied`, `duplicates` and `conflicts`.
    """

    @property
    def applied(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def conflicts(self) -> Sequence[RecordPosition]:
        """Return the positions of events that go to the dead letter queue."""
        ...


@dataclass(frozen=True, slots=True)
class Steps(Generic[B, P]):
    """Steps for one topic's records; `project` may look facts up, and changes nothing."""

    decode: Callable[[Sequence[RawBatch]], tuple[B, Sequence[Rejection]]]
    project: Callable[[B], P]
    apply: Callable[[P], None]
    conflict: Callable[[RawBatch, int], Rejection]
    """Makes the rejection of a record, by its index, that `project` named a conflict."""


class BatchPausedError(Exception):
    """Pause of a batch because a server does not answer; it is to be tried again.

    `buried` goes with the next try: it holds the dead letters that are already reported.
    """

    def __init__(self, step: str, buried: ReportedRecords) -> None:
        super().__init__(f"{step} is paused")
        self.step = step
        self.buried = buried


class Pipeline(Generic[B, P]):
    """Steps of one topic, in order. `resume` waits for a server until it answers.

    `refusals` are the errors of a store that are about records, not about the store: the batch is
    then divided until the records are found that the store refuses, and only these become dead
    letters. Records in `decisions` become dead letters before they are decoded.
    """

    def __init__(
        self,
        topic: str,
        steps: Steps[B, P],
        *,
        dead_letters: DeadLetterSink,
        metrics: Metrics,
        waiter: RetryPolicy,
        guard: DeadLetterLimitGuard | None = None,
        refusals: tuple[type[Exception], ...] = (),
        decisions: Decisions | None = None,
    ) -> None:
        """Create the pipeline. Without `guard`, any number of records may become dead letters."""
        self.topic = topic
        self.blockages = Blockages()
        self._steps = steps
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._waiter = waiter
        self._guard = guard or DeadLetterLimitGuard(topic, metrics)
        self._refusals = refusals
        self._decisions = decisions or NoDecisions()

    def run(self, batches: Sequence[RawBatch]) -> None:
        """Run fetched batches through every step, once.

        Raises:
            BatchPausedError: If a server does not answer.
            DeadLetterLimitError: If the batch would reach the limit of dead letters.
            Exception: If a step fails otherwise.
        """
        self._take(batches, ReportedRecords())

    def resume(self, batches: Sequence[RawBatch], buried: ReportedRecords) -> None:
        """Run batches through every step, waiting for servers.

        A try that fails is followed by a try of the first half of its records, until a single
        record is known to block. What precedes it is applied; what follows waits. Before each try
        the decisions of operators are read, which may remove the record.

        Args:
            buried: Dead letters that earlier tries of the batch reported.

        Raises:
            StoppedError: If the worker is to stop.
            Exception: If a step fails in a way that waiting does not end.
        """
        part = object()
        try:
            self._resume(batches, buried, part)
        finally:
            self.blockages.clear(part)

    def _resume(self, batches: Sequence[RawBatch], buried: ReportedRecords, part: object) -> None:
        left, failing, tries = list(batches), 0, 0
        while left:
            size = max(1, failing // 2) if failing else _count(left)
            first, rest = cut(left, size)
            try:
                self._once("decisions", self._decisions.refresh, buried)
                self._take(first, buried)
            except BatchPausedError as held_up:
                failing, tries = size, tries + 1 if size == 1 else 0
                blockage = _blockage(first, held_up)
                self.blockages.note(part, blockage)
                pause_s = self._waiter.next_pause_s(tries)
                log.warning(
                    "waiting for a server",
                    error=blockage.reason,
                    tries=tries,
                    next_try_s=round(pause_s, 2),
                    topic=self.topic,
                    step=held_up.step,
                    partition=blockage.partition,
                    offset=blockage.offset,
                    exact=blockage.exact,
                )
                self._waiter.pause(pause_s)
            else:
                left, tries = rest, 0
                failing = max(0, failing - size)
                if not failing:
                    self.blockages.clear(part)

    def _take(self, batches: Sequence[RawBatch], buried: ReportedRecords) -> None:
        if decided := self._decisions.of(self.topic):
            batches, rejected = split_decided(batches, decided)
            self._bury(rejected, self._decisions.of, buried)
            if not batches:
                return
        done = _Done()
        try:
            bad = self._pass(batches, buried, done, self._guard.judge)
        except self._refusals:
            done = _Done()
            self._isolate(batches, buried, done)
            bad = self._guard.judge(done.batches, done.rejected)
        for account, buried_before in done.accounts:
            self._count(account, buried_before)
        self._guard.settled(_count(batches), bad)

    def _isolate(self, batches: Sequence[RawBatch], buried: ReportedRecords, done: "_Done") -> None:
        """Apply what the store takes, in order, and report what it refuses.

        A refused record is durable among the dead letters before the records behind it are applied:
        otherwise a store that keeps the log's offsets would treat it as applied.
        """
        count = _count(batches)
        try:
            self._pass(batches, buried, done, _no_judge)
        except self._refusals as error:
            if count > 1:
                for half in cut(batches, count // 2):
                    self._isolate(half, buried, done)
                return
            done.add(batches, [store_refusal(batches[0], error)])
            self._guard.judge(done.batches, done.rejected)
            self._bury(done.rejected[-1:], self._steps.apply, buried)

    def _pass(
        self,
        batches: Sequence[RawBatch],
        buried: ReportedRecords,
        done: "_Done",
        judge: "_Judge",
    ) -> Sequence[CountedRecord]:
        """Run batches through the steps, add them to `done`, and return the records that count."""
        steps = self._steps
        batch, rejected = self._once("decode", lambda: steps.decode(batches), buried)
        bad = judge(batches, rejected)
        self._bury(rejected, steps.decode, buried)
        if len(rejected) < _count(batches):
            projected = self._once("project", lambda: steps.project(batch), buried)
            # Before the effects: after them, a conflict may look like a duplicate when read again.
            conflicts = [
                steps.conflict(*_at(batches, position)) for position in projected.conflicts
            ]
            self._bury(conflicts, steps.project, buried)
            self._once("apply", lambda: steps.apply(projected), buried)
            known = buried.no_longer(batches, (*rejected, *conflicts))
            done.accounts.append((projected, known))
        done.add(batches, rejected)
        return bad

    def _count(self, account: BatchOutcome, buried_before: int) -> None:
        """Count a batch's events, without those that an earlier try reported and counted."""
        known = min(buried_before, account.duplicates)
        self._metrics.applied(self.topic, account.applied - (buried_before - known))
        self._metrics.duplicates(self.topic, account.duplicates - known)

    def _bury(
        self, rejections: Sequence[Rejection], step: Callable[..., Any], buried: ReportedRecords
    ) -> None:
        if fresh := buried.fresh(rejections) if rejections else ():
            name = f"{step.__module__}.{getattr(step, '__qualname__', type(step).__qualname__)}"
            self._once("dead_letters", lambda: self._dead_letters.bury(fresh, name), buried)
            buried.add(fresh)

    def _once(self, name: str, step: Callable[[], T], buried: ReportedRecords) -> T:
        try:
            return step()
        except Exception as error:
            if not self._waiter.is_passing(error):
                raise
            self._metrics.retried(self.topic, name)
            raise BatchPausedError(name, buried) from error


@dataclass(slots=True)
class _Done:
    """Outcome of a batch, counted once all of it is finished."""

    accounts: list[tuple[BatchOutcome, int]] = field(default_factory=list)
    """Outcomes, each with the number of its events that an earlier try reported."""
    batches: list[RawBatch] = field(default_factory=list)
    """Records that are finished, in their order."""
    rejected: list[Rejection] = field(default_factory=list)
    """Rejections of these records by the decoder or the store."""

    def add(self, batches: Sequence[RawBatch], rejected: Sequence[Rejection]) -> None:
        self.batches += batches
        self.rejected += rejected


_Judge = Callable[[Sequence[RawBatch], Sequence[Rejection]], Sequence[CountedRecord]]


def _no_judge(
    batches: Sequence[RawBatch],  # noqa: ARG001
    rejected: Sequence[Rejection],  # noqa: ARG001
) -> Sequence[CountedRecord]:
    """Return `()`: the caller judges the whole batch."""
    return ()


def _count(batches: Sequence[RawBatch]) -> int:
    return sum(map(len, batches))


def _blockage(batches: Sequence[RawBatch], held_up: BatchPausedError) -> Blockage:
    """Return the blockage at the first record of batches that were tried."""
    return Blockage(
        batches[0].topic,
        batches[0].partition,
        batches[0].offsets[0],
        exact=_count(batches) == 1,
        step=held_up.step,
        reason=shortened(held_up.__cause__),
        since=0.0,
        tries=0,
    )


def _at(batches: Sequence[RawBatch], position: RecordPosition) -> tuple[RawBatch, int]:
    """Return the batch that holds a record, and the record's index in it."""
    for batch in batches:
        if batch.partition == position.partition:
            index = batch.find(position.offset)
            if index is not None:
                return batch, index
    raise LookupError(f"the batches have no record {position}")
