"""Every point at which a batch can fail: nothing lost, nothing acknowledged that is not settled."""

import threading
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import pytest

from streams.record import Record, RecordPosition
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.attempts import Attempts, attempt_headers
from streams.runtime.dead_letters.limit import DeadLetterLimit, DeadLetterLimitError
from streams.runtime.dead_letters.limit_guard import DeadLetterLimitGuard
from streams.runtime.dead_letters.reporter import DeadLetterReporter
from streams.runtime.monitoring.counters import TopicCounters, read_counters
from streams.runtime.monitoring.endpoint import Health, serve
from streams.runtime.monitoring.metric_names import LIMIT_USED, RETRIES
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.pipeline import BatchPausedError, Pipeline, Steps
from streams.runtime.processing.retry import RetryPolicy, StoppedError
from streams.runtime.producer import Message, MessageRefusedError, ProducerUnavailableError

TOPIC = "social.things.v1"


class UnavailableError(Exception):
    """A store that does not answer now."""


def thing(offset: int, value: bytes | None, *, partition: int = 3) -> Record:
    headers = (("trace", b"\xff\x00"),)
    return Record(TOPIC, partition, offset, 1_600_000_000_123, b"key", value, headers)


class Refused(NamedTuple):
    record: Record
    code: str = "bad_frame"
    stage: str = "VALUE_CONVERTER"
    error: str = "BadFrameError"
    message: str = "too short: é"


class Things(NamedTuple):
    applied: int
    duplicates: int
    conflicts: tuple[RecordPosition, ...]
    effects: frozenset[bytes]


@dataclass
class World:
    """A log of one topic, a store, a dead letter topic; each fails where a test says so."""

    store: set[bytes] = field(default_factory=set)
    reported: list[Message] = field(default_factory=list)
    before: dict[str, list[Exception]] = field(default_factory=dict)
    """Step -> errors that its next calls raise before doing anything."""
    after: dict[str, list[Exception]] = field(default_factory=dict)
    """Step -> errors that its next calls raise after doing everything."""
    stopping: threading.Event = field(default_factory=threading.Event)
    metrics: Metrics = field(default_factory=lambda: Metrics("storyline-v1-things"))
    acknowledged: int = 0
    guard: DeadLetterLimitGuard | None = None

    def fail(self, name: str, errors: dict[str, list[Exception]]) -> None:
        if errors.get(name):
            raise errors[name].pop(0)

    def decode(self, batches: Sequence[RawBatch]) -> tuple[list[Record], list[Refused]]:
        self.fail("decode", self.before)
        records = [record for batch in batches for record in batch.records(Record)]
        good = [record for record in records if record.value]
        return good, [Refused(record) for record in records if not record.value]

    def project(self, batch: list[Record]) -> Things:
        self.fail("project", self.before)
        values = [record.value for record in batch if record.value is not None]
        fresh = set(values) - self.store
        taken = [record for record in batch if record.value == b"taken"]
        fresh.discard(b"taken")
        return Things(
            applied=len(fresh),
            duplicates=len(values) - len(fresh) - len(taken),
            conflicts=tuple(record.position for record in taken),
            effects=frozenset(fresh),
        )

    def apply(self, things: Things) -> None:
        self.fail("apply", self.before)
        self.store |= things.effects
        self.fail("apply", self.after)

    def send(self, messages: Sequence[Message]) -> None:
        self.fail("send", self.before)
        self.reported += messages
        self.fail("send", self.after)

    def consume(self, records: Sequence[Record]) -> None:
        """What the transport does: count, run, and only then acknowledge."""
        steps = Steps(self.decode, self.project, self.apply, _conflict)
        pipeline = Pipeline(
            TOPIC,
            steps,
            dead_letters=DeadLetterReporter(self.send, self.metrics),
            metrics=self.metrics,
            retry_policy=RetryPolicy(
                (UnavailableError, ProducerUnavailableError), self.stopping, first_s=0.001
            ),
            guard=self.guard,
        )
        self.metrics.consumed(TOPIC, len(records))
        try:
            pipeline.run(batches_of(records))
        except BatchPausedError as paused:
            pipeline.retry(batches_of(records), paused.reported)
        self.acknowledged += len(records)

    @property
    def counters(self) -> TopicCounters:
        return self.metrics.read()[TOPIC]


def batches_of(records: Sequence[Record]) -> list[RawBatch]:
    """The records in order, in batches of one partition; those of one alone are cut in two."""
    return [
        _batch(partition, list(part))
        for half in (records[:2], records[2:])
        for partition, part in groupby(half, lambda record: record.partition)
    ]


def _batch(partition: int, records: Sequence[Record]) -> RawBatch:
    return RawBatch(
        TOPIC,
        partition,
        [record.offset for record in records],
        [record.append_time for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [record.headers for record in records],
    )


def _conflict(batch: RawBatch, index: int) -> Refused:
    record = list(batch.records(Record))[index]
    return Refused(record, "id_conflict", "TRANSFORMATION", "IdConflictError", "taken")


def records(*values: bytes | None) -> list[Record]:
    return [thing(offset, value) for offset, value in enumerate(values)]


def test_every_record_of_a_batch_is_counted_once() -> None:
    world = World(store={b"old"})
    world.consume(records(b"a", b"a", b"old", None, b"taken", b"b"))
    assert world.counters == TopicCounters(6, 2, 2, {"bad_frame": 1, "id_conflict": 1})
    assert world.counters.balanced
    assert world.store == {b"old", b"a", b"b"}
    assert world.acknowledged == 6


def test_conflict_is_reported_before_its_effects_can_hide_it() -> None:
    """A create that wins though it came second stands afterwards: read again, a mere duplicate."""
    world = World(before={"apply": [ValueError("ended here")]})
    with pytest.raises(ValueError, match="ended here"):
        world.consume(records(b"a", b"taken"))
    assert [message.value for message in world.reported] == [b"taken"]
    assert world.store == set()


def test_batch_of_bad_records_alone_is_acknowledged_once_they_are_reported() -> None:
    world = World()
    world.consume(records(None, b""))
    assert [message.value for message in world.reported] == [None, b""]
    assert world.counters == TopicCounters(2, 0, 0, {"bad_frame": 2})
    assert world.acknowledged == 2


def test_a_dead_letter_is_the_record_with_the_reason_in_headers() -> None:
    world = World()
    world.consume(records(b"a", None, b"taken"))
    undecodable, conflict = world.reported
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


def test_a_replayed_record_that_fails_again_counts_one_attempt_more() -> None:
    world = World()
    past = (
        ("storyline.dlq.origin", f"{TOPIC}:3:1".encode()),
        ("storyline.dlq.first_seen", b"1500000000000"),
        ("storyline.dlq.attempts", b"2"),
    )
    world.consume([thing(9, None)._replace(headers=(("trace", b"t"), *past))])
    (dead_letter,) = world.reported
    assert dead_letter.headers[:4] == (("trace", b"t"), *past)
    assert dead_letter.headers[-1] == ("storyline.dlq.attempts", b"3")
    assert dict(dead_letter.headers)["__connect.errors.offset"] == b"9"


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
    error = ProducerUnavailableError("no") if step == "send" else UnavailableError("no")
    world = World()
    getattr(world, when)[step] = [error, error]
    world.consume(records(b"a", None, b"a", b"b", b"taken"))
    assert world.store == {b"a", b"b"}
    assert world.acknowledged == 5
    assert world.counters.balanced
    assert world.counters.dead_letters == {"bad_frame": 1, "id_conflict": 1}
    assert {message.value for message in world.reported} == {None, b"taken"}
    named = "dead_letters" if step == "send" else step
    labels = {"group": world.metrics.group, "topic": TOPIC, "step": named}
    assert world.metrics.registry.get_sample_value(RETRIES, labels) == 2


@pytest.mark.parametrize("waits", [(), (UnavailableError("no"),)], ids=["at once", "after a wait"])
@pytest.mark.parametrize("step", ["decode", "project", "apply", "send"])
def test_any_other_error_acknowledges_nothing_and_the_next_run_completes_it(
    step: str, waits: Sequence[Exception]
) -> None:
    error = MessageRefusedError("too large") if step == "send" else ValueError("a bug")
    world = World(before={step: [*waits, error]})
    batch = records(b"a", None, b"b", b"taken")
    with pytest.raises(type(error)):
        world.consume(batch)
    assert world.acknowledged == 0
    world.metrics = Metrics("storyline-v1-things")  # the process ended and was started again
    world.consume(batch)
    assert world.acknowledged == 4
    assert world.counters.balanced
    assert world.store == {b"a", b"b"}


def test_stopping_worker_gives_up_waiting_and_acknowledges_nothing() -> None:
    world = World(before={"apply": [UnavailableError("no")] * 1000})
    threading.Timer(0.05, world.stopping.set).start()
    with pytest.raises(StoppedError):
        world.consume(records(b"a"))
    assert world.acknowledged == 0
    assert world.counters == TopicCounters(1, 0, 0, {})
    assert not world.counters.balanced


def test_dead_letter_is_counted_once_it_is_acknowledged() -> None:
    world = World(before={"send": [MessageRefusedError("no such topic")]})
    with pytest.raises(MessageRefusedError):
        world.consume(records(None))
    assert world.counters == TopicCounters(1, 0, 0, {})


def test_counters_are_read_from_the_answer_to_prometheus() -> None:
    world = World()
    world.consume(records(b"a", None, b"a"))
    world.metrics.consumed("another.topic", 7)
    port = serve("127.0.0.1", 0, world.metrics.registry, lambda: Health("group"))
    assert read_counters(_get(f"http://127.0.0.1:{port}/metrics")) == {
        TOPIC: TopicCounters(3, 1, 1, {"bad_frame": 1}),
        "another.topic": TopicCounters(7, 0, 0, {}),
    }


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
        return bytes(answer.read()).decode()


def guarded(consecutive: int = 3) -> World:
    """A world in which so many bad records in a row are too many."""
    world = World()
    limit = DeadLetterLimit(consecutive=consecutive)
    world.guard = DeadLetterLimitGuard(TOPIC, world.metrics, limit, {"bad_frame"})
    return world


def used(world: World) -> float | None:
    labels = {"group": world.metrics.group, "topic": TOPIC}
    return world.metrics.registry.get_sample_value(LIMIT_USED, labels)


def test_batch_with_too_many_bad_records_is_neither_reported_nor_applied() -> None:
    world = guarded()
    with pytest.raises(DeadLetterLimitError, match="3 of the last 3 records") as error:
        world.consume(records(b"a", b"", None, None, b"b"))
    assert error.value.first == RecordPosition(TOPIC, 3, 1)
    assert (world.store, world.reported, world.acknowledged) == (set(), [], 0)
    assert used(world) == 1


def test_bad_records_count_from_batch_to_batch_and_a_good_one_between_ends_it() -> None:
    world = guarded()
    assert used(world) == 0
    world.consume(records(b"a", None, None))
    assert used(world) == pytest.approx(2 / 3)
    world.consume(records(b"a"))
    assert used(world) == 0
    world.consume(records(None, None))
    with pytest.raises(DeadLetterLimitError):
        world.consume(records(None))
    assert len(world.reported) == 4


@pytest.mark.parametrize("step", ["project", "apply", "send"])
def test_a_batch_that_was_not_settled_does_not_count(step: str) -> None:
    """Counted twice, the last record of one time and the first of the next would be too many."""
    world = guarded(consecutive=2)
    batch = records(None, b"a", None)
    for _ in range(3):
        world.before = {step: [ValueError("a bug")]}
        with pytest.raises(ValueError, match="a bug"):
            world.consume(batch)
        assert used(world) == 0
    world.consume(batch)
    assert used(world) == pytest.approx(1 / 2)


def test_waiting_for_a_server_counts_a_batch_once() -> None:
    world = guarded()
    world.before = {"apply": [UnavailableError("no")] * 3, "send": [ProducerUnavailableError("no")]}
    world.consume(records(b"a", None, None))
    assert used(world) == pytest.approx(2 / 3)


def test_a_process_that_is_started_again_stops_at_the_same_batch() -> None:
    batch = records(None, None, None, b"a")
    for _ in range(2):
        world = guarded()
        with pytest.raises(DeadLetterLimitError):
            world.consume(batch)
        assert world.reported == []


def test_only_the_codes_that_were_named_count() -> None:
    world = guarded()
    world.guard = DeadLetterLimitGuard(
        TOPIC, world.metrics, DeadLetterLimit(consecutive=3), {"decode_error"}
    )
    world.consume(records(None, None, None, None))
    world.guard = DeadLetterLimitGuard(
        TOPIC, world.metrics, DeadLetterLimit(consecutive=1), {"id_conflict"}
    )
    world.consume(records(b"taken", b"taken"))  # known when the batch is projected, not before
    assert len(world.reported) == 6
    assert used(world) == 0


def test_a_record_that_was_replayed_and_fails_again_does_not_count() -> None:
    world = guarded()
    past = attempt_headers(
        Attempts(RecordPosition(TOPIC, 3, 1), first_seen=1_500_000_000_000, failures=2)
    )
    world.consume([thing(offset, None)._replace(headers=past) for offset in range(5)])
    assert len(world.reported) == 5
    assert used(world) == 0


def test_records_of_several_partitions_count_in_the_order_of_the_batch() -> None:
    world = guarded()
    two = [thing(7, None, partition=partition) for partition in (0, 1)]
    world.consume([*two, thing(8, b"a", partition=1), *two])
    with pytest.raises(DeadLetterLimitError) as error:
        world.consume([thing(9, None, partition=1)])
    assert error.value.first == RecordPosition(TOPIC, 0, 7)
