"""decode -> project -> dead letters -> apply, for one batch of one topic.

When `run` returns, every record of the batch is applied, recognised as a duplicate, or
acknowledged by the dead letter topic, and the batch may be acknowledged. When it raises, nothing
may be: the batch will be read again, and every step is idempotent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from streams.runtime.dead_letters import DeadLetters, RawRecord, Rejection
from streams.runtime.metrics import Metrics
from streams.runtime.retry import Waiter

R = TypeVar("R", bound=RawRecord)
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
class Steps(Generic[R, B, P]):
    """What one topic's records go through; `project` may look facts up, and changes nothing."""

    decode: Callable[[Sequence[R]], tuple[B, Sequence[Rejection]]]
    project: Callable[[B], P]
    apply: Callable[[P], None]
    conflict: Callable[[R], Rejection]
    """Makes the rejection of a record that `project` named a conflict."""


class Pipeline(Generic[R, B, P]):
    """The steps of one topic, in order, each tried again while a server does not answer."""

    def __init__(
        self,
        topic: str,
        steps: Steps[R, B, P],
        *,
        dead_letters: DeadLetters,
        metrics: Metrics,
        waiter: Waiter,
    ) -> None:
        self.topic = topic
        self._steps = steps
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._waiter = waiter

    def run(self, records: Sequence[R]) -> None:
        """Take a batch through every step; raises what cannot be waited for."""
        steps = self._steps
        batch, rejected = self._step("decode", lambda: steps.decode(records))
        self._bury(rejected, steps.decode)
        if len(rejected) == len(records):
            return
        projected = self._step("project", lambda: steps.project(batch))
        if projected.conflicts:
            # Before the effects, which may make a conflict look like a duplicate when read again.
            by_position = {(record.partition, record.offset): record for record in records}
            conflicts = [steps.conflict(by_position[at]) for at in projected.conflicts]
            self._bury(conflicts, steps.project)
        self._step("apply", lambda: steps.apply(projected))
        self._metrics.applied(self.topic, projected.applied)
        self._metrics.duplicates(self.topic, projected.duplicates)

    def _bury(self, rejections: Sequence[Rejection], step: Callable[..., Any]) -> None:
        if rejections:
            name = f"{step.__module__}.{getattr(step, '__qualname__', type(step).__qualname__)}"
            self._step("dead_letters", lambda: self._dead_letters.bury(rejections, name))

    def _step(self, name: str, step: Callable[[], T]) -> T:
        return self._waiter.run(
            step,
            retried=lambda: self._metrics.retried(self.topic, name),
            topic=self.topic,
            step=name,
        )
