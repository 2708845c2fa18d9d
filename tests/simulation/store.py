"""A store and a dead letter topic in memory: durable, shared by all processes, not always there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from streams.record import Record, RecordPosition
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.reporter import failed_at
from streams.runtime.processing.pipeline import Steps
from streams.runtime.producer import Message, MessageRefusedError, ProducerUnavailableError
from tests.simulation.fold import State
from tests.simulation.log import Due, Event, decode


class StoreUnavailableError(Exception):
    """The store does not answer now."""


class BugError(Exception):
    """What nobody foresaw: it ends the process."""


class Refused(NamedTuple):
    """As the pipeline wants it: a record that cannot be applied, and why."""

    record: Record
    code: str = "bad_frame"
    stage: str = "VALUE_CONVERTER"
    error: str = "BadFrameError"
    message: str = "no event"


class Batch(NamedTuple):
    events: list[tuple[Record, Event]]


class Projected(NamedTuple):
    applied: int
    duplicates: int
    conflicts: tuple[RecordPosition, ...]
    effects: dict[str, list[Event]]
    """Key -> its events, which one write applies."""


@dataclass
class Faults:
    """How servers answer: by chance, until they are healed, and each planned fault once."""

    chance: Callable[[float], bool]
    rate: float = 0.0
    store_down: bool = False
    broker_down: bool = False
    bug: bool = False
    refuse: bool = False
    lose: bool = False
    again: bool = False

    def take(self, name: str) -> bool:
        """Whether a fault is planned; it is used up."""
        planned: bool = getattr(self, name)
        setattr(self, name, False)
        return planned

    def heal(self) -> None:
        self.rate = 0.0
        self.store_down = self.broker_down = False
        self.bug = self.refuse = self.lose = self.again = False

    def store(self) -> None:
        if self.store_down or self.chance(self.rate):
            raise StoreUnavailableError("no answer")

    def broker(self) -> None:
        if self.broker_down or self.chance(self.rate):
            raise ProducerUnavailableError("no acknowledgement")


@dataclass
class Store:
    """What is durable: the views, and the dead letters."""

    faults: Faults
    state: State = field(default_factory=lambda: State({}, {}, set()))
    dead_letters: set[object] = field(default_factory=set)
    """Events, and positions of records that are none."""

    def holds(self, due: Due) -> bool:
        """Whether a record has become what it has to."""
        return (due.effect is None or due.effect in self.state.folded) and (
            due.dead_letter is None or due.dead_letter in self.dead_letters
        )

    def write(self, key: str, events: Sequence[Event]) -> None:
        """Write the merged events of a key; again and again without harm, in any order."""
        for event in events:
            if event.kind == "claim":
                smallest = self.state.claims.get(key, event.event_id)
                self.state.claims[key] = min(smallest, event.event_id)
            else:
                stamp = (event.stamp, event.event_id)
                self.state.newest[key] = max(self.state.newest.get(key, stamp), stamp)
            self.state.folded.add(event.event_id)


@dataclass
class Work:
    """The steps of one process; `pause` lets the others have a turn."""

    store: Store
    pause: Callable[[], None]

    @property
    def steps(self) -> Steps[Batch, Projected]:
        return Steps(self.decode, self.project, self.apply, _conflict)

    def decode(self, batches: Sequence[RawBatch]) -> tuple[Batch, list[Refused]]:
        self.pause()
        self.store.faults.store()
        batch, refused = Batch([]), []
        for record in (record for raw in batches for record in raw.records(Record)):
            try:
                batch.events.append((record, decode(record.value)))
            except ValueError:
                refused.append(Refused(record))
        return batch, refused

    def project(self, batch: Batch) -> Projected:
        self.pause()
        self.store.faults.store()
        claims, folded = dict(self.store.state.claims), set(self.store.state.folded)
        self.pause()
        applied = duplicates = 0
        conflicts: list[RecordPosition] = []
        effects: dict[str, list[Event]] = {}
        for record, event in batch.events:
            taken = claims.get(event.key) if event.kind == "claim" else None
            if taken is not None and taken != event.event_id:
                conflicts.append(record.position)
                if taken < event.event_id:
                    continue
            elif event.event_id in folded:
                duplicates += 1
                continue
            else:
                applied += 1
            folded.add(event.event_id)
            if event.kind == "claim":
                claims[event.key] = event.event_id
            effects.setdefault(event.key, []).append(event)
        return Projected(applied, duplicates, tuple(conflicts), effects)

    def apply(self, projected: Projected) -> None:
        for key, events in projected.effects.items():
            self.pause()
            self.store.faults.store()
            if self.store.faults.take("bug"):
                raise BugError("a bug")
            self.store.write(key, events)
        self.pause()
        self.store.faults.store()

    def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.pause()
            self.store.faults.broker()
            if self.store.faults.take("refuse"):
                raise MessageRefusedError("too large")
            self.store.dead_letters.add(_dead_letter(message))
        self.pause()
        self.store.faults.broker()


def _dead_letter(message: Message) -> object:
    try:
        return decode(message.value).event_id
    except ValueError:
        place = failed_at(message.headers)
        assert place is not None
        return tuple(place)


def _conflict(batch: RawBatch, index: int) -> Refused:
    record = next(islice(batch.records(Record), index, None))
    return Refused(record, "id_conflict", "TRANSFORMATION", "IdConflictError", "taken")
