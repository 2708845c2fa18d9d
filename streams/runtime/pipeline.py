"""decode -> project -> dead letters -> apply, for some fetched batches of one topic.

When `run` returns, every record of the batch is applied, recognised as a duplicate, or
durable among the dead letters, and the batch may be acknowledged. When it raises, nothing
may be: the batch will be read again, and every step is idempotent. Where it would bury too
many records it raises before it buries any.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from streams.runtime.buried import Buried
from streams.runtime.dead_letters import Burial, Rejection
from streams.runtime.guarding import Guard
from streams.runtime.metrics import Metrics
from streams.runtime.raw_batch import RawBatch
from streams.runtime.retry import Waiter

B = TypeVar("B")
P = TypeVar("P", bound="Account")
T = TypeVar("T")


class Account(Protocol):
    """What projecting a batch says of its events: each is in exactly one of the three."""

    @property
    def applied(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def conflicts(self) -> Sequence[tuple[int, int]]:
        """(partition, offset) of events that go to the dead letter queue."""
        ...


@dataclass(frozen=True, slots=True)
class Steps(Generic[B, P]):
    """What one topic's records go through; `project` may look facts up, and changes nothing."""

    decode: Callable[[Sequence[RawBatch]], tuple[B, Sequence[Rejection]]]
    project: Callable[[B], P]
    apply: Callable[[P], None]
    conflict: Callable[[RawBatch, int], Rejection]
    """Makes the rejection of a record, by its index, that `project` named a conflict."""


class HeldUpError(Exception):
    """A server does not answer just now; the batch is to be tried again, with `buried`."""

    def __init__(self, step: str, buried: Buried) -> None:
        super().__init__(f"{step} is held up")
        self.step = step
        self.buried = buried


class Pipeline(Generic[B, P]):
    """The steps of one topic, in order. What a server held up is resumed until it answers."""

    def __init__(
        self,
        topic: str,
        steps: Steps[B, P],
        *,
        dead_letters: Burial,
        metrics: Metrics,
        waiter: Waiter,
        guard: Guard | None = None,
    ) -> None:
        """Without a guard, any number of records may be buried."""
        self.topic = topic
        self._steps = steps
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._waiter = waiter
        self._guard = guard or Guard(topic, metrics)

    def run(self, batches: Sequence[RawBatch]) -> None:
        """Take fetched batches through every step, once.

        Raises HeldUpError where a server does not answer just now, and whatever else goes wrong.
        """
        buried = Buried()
        self._take(batches, buried, lambda name, step: self._once(name, step, buried))

    def resume(self, batches: Sequence[RawBatch], buried: Buried) -> None:
        """The same for what was held up, or a part of it, waiting for servers.

        Raises StoppedError once the worker is to stop, and what cannot be waited for.
        """
        self._take(batches, buried, self._patiently)

    def _take(self, batches: Sequence[RawBatch], buried: Buried, tried: "_Tried") -> None:
        steps, count = self._steps, sum(map(len, batches))
        batch, rejected = tried("decode", lambda: steps.decode(batches))
        bad = self._guard.judge(batches, rejected)
        self._bury(rejected, steps.decode, buried, tried)
        if len(rejected) < count:
            projected = tried("project", lambda: steps.project(batch))
            # Before the effects, which may make a conflict look like a duplicate when read again.
            conflicts = [steps.conflict(*_at(batches, *place)) for place in projected.conflicts]
            self._bury(conflicts, steps.project, buried, tried)
            tried("apply", lambda: steps.apply(projected))
            self._count(projected, buried.no_longer(batches, (*rejected, *conflicts)))
        self._guard.settled(count, bad)

    def _count(self, account: Account, buried_before: int) -> None:
        """Count a batch's events; those that an earlier try buried are counted already."""
        known = min(buried_before, account.duplicates)
        self._metrics.applied(self.topic, account.applied - (buried_before - known))
        self._metrics.duplicates(self.topic, account.duplicates - known)

    def _bury(
        self,
        rejections: Sequence[Rejection],
        step: Callable[..., Any],
        buried: Buried,
        tried: "_Tried",
    ) -> None:
        if fresh := buried.fresh(rejections) if rejections else ():
            name = f"{step.__module__}.{getattr(step, '__qualname__', type(step).__qualname__)}"
            tried("dead_letters", lambda: self._dead_letters.bury(fresh, name))
            buried.add(fresh)

    def _once(self, name: str, step: Callable[[], T], buried: Buried) -> T:
        try:
            return step()
        except Exception as error:
            if not self._waiter.is_passing(error):
                raise
            self._metrics.retried(self.topic, name)
            raise HeldUpError(name, buried) from error

    def _patiently(self, name: str, step: Callable[[], T]) -> T:
        return self._waiter.run(
            step,
            retried=lambda: self._metrics.retried(self.topic, name),
            topic=self.topic,
            step=name,
        )


class _Tried(Protocol):
    """Runs the step of a name, in one way or another."""

    def __call__(self, name: str, step: Callable[[], T], /) -> T: ...


def _at(batches: Sequence[RawBatch], partition: int, offset: int) -> tuple[RawBatch, int]:
    """The batch that holds a record, and the record's index in it."""
    for batch in batches:
        if batch.partition == partition and (index := batch.find(offset)) is not None:
            return batch, index
    raise LookupError(f"no record of partition {partition} has offset {offset}")
