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

    `reported` goes with the next try: it holds the dead letters that are already reported.
    """

    def __init__(self, step: str, reported: ReportedRecords) -> None:
        super().__init__(f"{step} is paused")
        self.step = step
        self.reported = reported


class Pipeline(Generic[B, P]):
    """Steps of one topic, in order. `retry` waits for a server until it answers.

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
        retry_policy: RetryPolicy,
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
        self._retry_policy = retry_policy
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
        self._run(batches, ReportedRecords())

    def retry(self, batches: Sequence[RawBatch], reported: ReportedRecords) -> None:
        """Run batches through every step, waiting for servers.

        A try that fails is followed by a try of the first half of its records, until a single
        record is known to block. What precedes it is applied; what follows waits. Before each try
        the decisions of operators are read, which may remove the record.

        Args:
            reported: Dead letters that earlier tries of the batch reported.

        Raises:
            StoppedError: If the worker is to stop.
            Exception: If a step fails in a way that waiting does not end.
        """
        key = object()
        try:
            self._retry(batches, reported, key)
        finally:
            self.blockages.clear(key)

    def _retry(self, batches: Sequence[RawBatch], reported: ReportedRecords, key: object) -> None:
        remaining, failing_size, tries = list(batches), 0, 0
        while remaining:
            size = max(1, failing_size // 2) if failing_size else _count(remaining)
            first, rest = cut(remaining, size)
            try:
                self._try("decisions", self._decisions.refresh, reported)
                self._run(first, reported)
            except BatchPausedError as paused:
                failing_size, tries = size, tries + 1 if size == 1 else 0
                blockage = _blockage(first, paused)
                self.blockages.note(key, blockage)
                pause_s = self._retry_policy.next_pause_s(tries)
                log.warning(
                    "waiting for a server",
                    error=blockage.reason,
                    tries=tries,
                    next_try_s=round(pause_s, 2),
                    topic=self.topic,
                    step=paused.step,
                    partition=blockage.partition,
                    offset=blockage.offset,
                    exact=blockage.exact,
                )
                self._retry_policy.pause(pause_s)
            else:
                remaining, tries = rest, 0
                failing_size = max(0, failing_size - size)
                if not failing_size:
                    self.blockages.clear(key)

    def _run(self, batches: Sequence[RawBatch], reported: ReportedRecords) -> None:
        if decided := self._decisions.of(self.topic):
            batches, rejected = split_decided(batches, decided)
            self._report(rejected, self._decisions.of, reported)
            if not batches:
                return
        results = _Results()
        try:
            bad = self._run_steps(batches, reported, results, self._guard.check)
        except self._refusals:
            results = _Results()
            self._isolate(batches, reported, results)
            bad = self._guard.check(results.batches, results.rejected)
        for outcome, reported_before in results.outcomes:
            self._count(outcome, reported_before)
        self._guard.record_batch(_count(batches), bad)

    def _isolate(
        self, batches: Sequence[RawBatch], reported: ReportedRecords, results: "_Results"
    ) -> None:
        """Apply what the store takes, in order, and report what it refuses.

        A refused record is durable among the dead letters before the records behind it are applied:
        otherwise a store that keeps the log's offsets would treat it as applied.
        """
        count = _count(batches)
        try:
            self._run_steps(batches, reported, results, _no_check)
        except self._refusals as error:
            if count > 1:
                for half in cut(batches, count // 2):
                    self._isolate(half, reported, results)
                return
            results.add(batches, [store_refusal(batches[0], error)])
            self._guard.check(results.batches, results.rejected)
            self._report(results.rejected[-1:], self._steps.apply, reported)

    def _run_steps(
        self,
        batches: Sequence[RawBatch],
        reported: ReportedRecords,
        results: "_Results",
        check: "_Check",
    ) -> Sequence[CountedRecord]:
        """Run batches through the steps, add them to `done`, and return the records that count."""
        steps = self._steps
        batch, rejected = self._try("decode", lambda: steps.decode(batches), reported)
        bad = check(batches, rejected)
        self._report(rejected, steps.decode, reported)
        if len(rejected) < _count(batches):
            projected = self._try("project", lambda: steps.project(batch), reported)
            # Before the effects: after them, a conflict may look like a duplicate when read again.
            conflicts = [
                steps.conflict(*_at(batches, position)) for position in projected.conflicts
            ]
            self._report(conflicts, steps.project, reported)
            self._try("apply", lambda: steps.apply(projected), reported)
            known = reported.count_no_longer_rejected(batches, (*rejected, *conflicts))
            results.outcomes.append((projected, known))
        results.add(batches, rejected)
        return bad

    def _count(self, outcome: BatchOutcome, reported_before: int) -> None:
        """Count a batch's events, without those that an earlier try reported and counted."""
        known = min(reported_before, outcome.duplicates)
        self._metrics.applied(self.topic, outcome.applied - (reported_before - known))
        self._metrics.duplicates(self.topic, outcome.duplicates - known)

    def _report(
        self, rejections: Sequence[Rejection], step: Callable[..., Any], reported: ReportedRecords
    ) -> None:
        if unreported := reported.unreported(rejections) if rejections else ():
            name = f"{step.__module__}.{getattr(step, '__qualname__', type(step).__qualname__)}"
            self._try("dead_letters", lambda: self._dead_letters.report(unreported, name), reported)
            reported.add(unreported)

    def _try(self, name: str, step: Callable[[], T], reported: ReportedRecords) -> T:
        try:
            return step()
        except Exception as error:
            if not self._retry_policy.is_transient(error):
                raise
            self._metrics.retried(self.topic, name)
            raise BatchPausedError(name, reported) from error


@dataclass(slots=True)
class _Results:
    """Outcome of a batch, counted once all of it is finished."""

    outcomes: list[tuple[BatchOutcome, int]] = field(default_factory=list)
    """Outcomes, each with the number of its events that an earlier try reported."""
    batches: list[RawBatch] = field(default_factory=list)
    """Records that are finished, in their order."""
    rejected: list[Rejection] = field(default_factory=list)
    """Rejections of these records by the decoder or the store."""

    def add(self, batches: Sequence[RawBatch], rejected: Sequence[Rejection]) -> None:
        self.batches += batches
        self.rejected += rejected


_Check = Callable[[Sequence[RawBatch], Sequence[Rejection]], Sequence[CountedRecord]]


def _no_check(
    batches: Sequence[RawBatch],  # noqa: ARG001
    rejected: Sequence[Rejection],  # noqa: ARG001
) -> Sequence[CountedRecord]:
    """Return `()`: the caller checks the whole batch."""
    return ()


def _count(batches: Sequence[RawBatch]) -> int:
    return sum(map(len, batches))


def _blockage(batches: Sequence[RawBatch], paused: BatchPausedError) -> Blockage:
    """Return the blockage at the first record of batches that were tried."""
    return Blockage(
        batches[0].topic,
        batches[0].partition,
        batches[0].offsets[0],
        exact=_count(batches) == 1,
        step=paused.step,
        reason=shortened(paused.__cause__),
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
