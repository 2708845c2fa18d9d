"""Every point at which a batch can fail: nothing lost, nothing acknowledged that is not settled."""

import threading
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from streams.runtime.dead_letters import DeadLetters
from streams.runtime.metrics import Metrics, Tally, tallies
from streams.runtime.outbox import Message, OutboxError, OutboxUnavailableError
from streams.runtime.pipeline import Pipeline, Steps
from streams.runtime.retry import StoppedError, Waiter

TOPIC = "social.things.v1"


class UnavailableError(Exception):
    """A store that does not answer now."""


class Raw(NamedTuple):
    offset: int
    value: bytes | None
    topic: str = TOPIC
    partition: int = 3
    append_time: int = 1_600_000_000_123
    key: bytes | None = b"key"
    headers: tuple[tuple[str, bytes], ...] = (("trace", b"\xff\x00"),)


class Refused(NamedTuple):
    record: Raw
    code: str = "bad_frame"
    stage: str = "VALUE_CONVERTER"
    error: str = "BadFrameError"
    message: str = "too short: é"


class Things(NamedTuple):
    applied: int
    duplicates: int
    conflicts: tuple[tuple[int, int], ...]
    effects: frozenset[bytes]


@dataclass
class World:
    """A log of one topic, a store, a dead letter topic; each fails where a test says so."""

    store: set[bytes] = field(default_factory=set)
    buried: list[Message] = field(default_factory=list)
    before: dict[str, list[Exception]] = field(default_factory=dict)
    """Step -> errors that its next calls raise before doing anything."""
    after: dict[str, list[Exception]] = field(default_factory=dict)
    """Step -> errors that its next calls raise after doing everything."""
    stopping: threading.Event = field(default_factory=threading.Event)
    metrics: Metrics = field(default_factory=lambda: Metrics("storyline-v1-things"))
    acknowledged: int = 0

    def fail(self, name: str, errors: dict[str, list[Exception]]) -> None:
        if errors.get(name):
            raise errors[name].pop(0)

    def decode(self, records: Sequence[Raw]) -> tuple[list[Raw], list[Refused]]:
        self.fail("decode", self.before)
        good = [record for record in records if record.value]
        return good, [Refused(record) for record in records if not record.value]

    def project(self, batch: list[Raw]) -> Things:
        self.fail("project", self.before)
        values = [record.value for record in batch if record.value is not None]
        fresh = set(values) - self.store
        taken = [record for record in batch if record.value == b"taken"]
        fresh.discard(b"taken")
        return Things(
            applied=len(fresh),
            duplicates=len(values) - len(fresh) - len(taken),
            conflicts=tuple((record.partition, record.offset) for record in taken),
            effects=frozenset(fresh),
        )

    def apply(self, things: Things) -> None:
        self.fail("apply", self.before)
        self.store |= things.effects
        self.fail("apply", self.after)

    def send(self, messages: Sequence[Message]) -> None:
        self.fail("send", self.before)
        self.buried += messages
        self.fail("send", self.after)

    def consume(self, records: Sequence[Raw]) -> None:
        """What the transport does: count, run, and only then acknowledge."""
        steps = Steps(self.decode, self.project, self.apply, _conflict)
        pipeline = Pipeline(
            TOPIC,
            steps,
            dead_letters=DeadLetters(self.send, self.metrics),
            metrics=self.metrics,
            waiter=Waiter((UnavailableError, OutboxUnavailableError), self.stopping, first_s=0.001),
        )
        self.metrics.consumed(TOPIC, len(records))
        pipeline.run(records)
        self.acknowledged += len(records)

    @property
    def tally(self) -> Tally:
        return self.metrics.read()[TOPIC]


def _conflict(record: Raw) -> Refused:
    return Refused(record, "id_conflict", "TRANSFORMATION", "IdConflictError", "taken")


def records(*values: bytes | None) -> list[Raw]:
    return [Raw(offset, value) for offset, value in enumerate(values)]


def test_every_record_of_a_batch_is_counted_once() -> None:
    world = World(store={b"old"})
    world.consume(records(b"a", b"a", b"old", None, b"taken", b"b"))
    assert world.tally == Tally(6, 2, 2, {"bad_frame": 1, "id_conflict": 1})
    assert world.tally.balanced
    assert world.store == {b"old", b"a", b"b"}
    assert world.acknowledged == 6


def test_a_conflict_is_buried_before_its_effects_can_hide_it() -> None:
    """A create that wins though it came second stands afterwards: read again, a mere duplicate."""
    world = World(before={"apply": [ValueError("ended here")]})
    with pytest.raises(ValueError, match="ended here"):
        world.consume(records(b"a", b"taken"))
    assert [message.value for message in world.buried] == [b"taken"]
    assert world.store == set()


def test_a_batch_of_nothing_but_bad_records_is_acknowledged_after_their_burial() -> None:
    world = World()
    world.consume(records(None, b""))
    assert [message.value for message in world.buried] == [None, b""]
    assert world.tally == Tally(2, 0, 0, {"bad_frame": 2})
    assert world.acknowledged == 2


def test_a_dead_letter_is_the_record_with_the_reason_in_headers() -> None:
    world = World()
    world.consume(records(b"a", None, b"taken"))
    undecodable, conflict = world.buried
    assert undecodable == Message(
        topic=f"{TOPIC}.dlq",
        key=b"key",
        value=None,
        headers=(
            ("trace", b"\xff\x00"),
            ("__connect.errors.topic", TOPIC.encode()),
            ("__connect.errors.partition", b"3"),
            ("__connect.errors.offset", b"1"),
            ("__connect.errors.stage", b"VALUE_CONVERTER"),
            ("__connect.errors.class.name", f"{__name__}.World.decode".encode()),
            ("__connect.errors.exception.class.name", b"BadFrameError"),
            ("__connect.errors.exception.message", "too short: é".encode()),
            ("storyline.error.code", b"bad_frame"),
            ("storyline.consumer.group", b"storyline-v1-things"),
        ),
        timestamp=1_600_000_000_123,
    )
    headers = dict(conflict.headers)
    assert headers["storyline.error.code"] == b"id_conflict"
    assert headers["__connect.errors.class.name"] == f"{__name__}.World.project".encode()
    assert headers["__connect.errors.offset"] == b"2"


@pytest.mark.parametrize(
    ("when", "step"),
    [
        ("before", "decode"),
        ("before", "project"),
        ("before", "apply"),
        ("before", "send"),
        ("after", "apply"),
        ("after", "send"),
    ],
)
def test_a_server_that_does_not_answer_is_waited_for(when: str, step: str) -> None:
    error = OutboxUnavailableError("no") if step == "send" else UnavailableError("no")
    world = World()
    getattr(world, when)[step] = [error, error]
    world.consume(records(b"a", None, b"a", b"b", b"taken"))
    assert world.store == {b"a", b"b"}
    assert world.acknowledged == 5
    assert world.tally.balanced
    assert world.tally.dead_letters == {"bad_frame": 1, "id_conflict": 1}
    assert {message.value for message in world.buried} == {None, b"taken"}


@pytest.mark.parametrize("step", ["decode", "project", "apply", "send"])
def test_any_other_error_acknowledges_nothing_and_the_next_run_completes_it(step: str) -> None:
    error = OutboxError("too large") if step == "send" else ValueError("a bug")
    world = World(before={step: [error]})
    batch = records(b"a", None, b"b", b"taken")
    with pytest.raises(type(error)):
        world.consume(batch)
    assert world.acknowledged == 0
    world.metrics = Metrics("storyline-v1-things")  # the process ended and was started again
    world.consume(batch)
    assert world.acknowledged == 4
    assert world.tally.balanced
    assert world.store == {b"a", b"b"}


def test_a_worker_told_to_stop_gives_up_waiting_and_acknowledges_nothing() -> None:
    world = World(before={"apply": [UnavailableError("no")] * 1000})
    threading.Timer(0.05, world.stopping.set).start()
    with pytest.raises(StoppedError):
        world.consume(records(b"a"))
    assert world.acknowledged == 0
    assert world.tally == Tally(1, 0, 0, {})
    assert not world.tally.balanced


def test_nothing_is_counted_as_buried_before_it_is_acknowledged() -> None:
    world = World(before={"send": [OutboxError("no such topic")]})
    with pytest.raises(OutboxError):
        world.consume(records(None))
    assert world.tally == Tally(1, 0, 0, {})


def test_tallies_are_read_from_what_prometheus_is_answered() -> None:
    world = World()
    world.consume(records(b"a", None, b"a"))
    world.metrics.consumed("another.topic", 7)
    port = world.metrics.serve("127.0.0.1", 0)
    assert tallies(_get(f"http://127.0.0.1:{port}/metrics")) == {
        TOPIC: Tally(3, 1, 1, {"bad_frame": 1}),
        "another.topic": Tally(7, 0, 0, {}),
    }


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
        return bytes(answer.read()).decode()
