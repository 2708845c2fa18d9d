"""Records that a store refuses, that an operator rejects, or that a partition waits at."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from streams.record import Record, RecordPosition
from streams.runtime.consumer.raw_batch import RawBatch, cut
from streams.runtime.dead_letters.header_names import CODE_HEADER, GROUP_HEADER
from streams.runtime.dead_letters.limit import DeadLetterLimit, DeadLetterLimitError
from streams.runtime.dead_letters.limit_guard import DeadLetterLimitGuard
from streams.runtime.dead_letters.reported_records import ReportedRecords
from streams.runtime.dead_letters.reporter import DeadLetterReporter
from streams.runtime.monitoring.blockages import REASON_LENGTH, Blockage, Blockages, shortened
from streams.runtime.processing.pipeline import BatchPausedError, Pipeline, Steps, _blockage
from streams.runtime.processing.retry import RetryPolicy, StoppedError
from streams.runtime.producer import Message
from tests.support.workers import wait_until
from tests.unit.runtime.test_runtime_pipeline import (
    TOPIC,
    Things,
    UnavailableError,
    World,
    _conflict,
    batches_of,
    thing,
)


class RefusedError(Exception):
    """The store's verdict about a record."""


@dataclass
class Decided:
    """Decisions of an operator: those `made` are known once they are looked for."""

    rejected: dict[RecordPosition, str] = field(default_factory=dict)
    made: dict[RecordPosition, str] = field(default_factory=dict)

    def refresh(self) -> None:
        self.rejected = {**self.rejected, **self.made}

    def of(self, topic: str) -> Mapping[RecordPosition, str]:
        return self.rejected if topic == TOPIC else {}


class Shop(World):
    """A world whose store refuses some values, and whose servers are away for others."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: set[bytes] = set()
        self.away: set[bytes] = set()
        self.decided = Decided()
        self.writes_before_it_refuses = False
        self.decoded: list[int] = []

    def decode(self, batches: Sequence[RawBatch]) -> tuple[list[Record], list[Any]]:
        values = [value for batch in batches for value in batch.values]
        if self.away & set(values):
            raise UnavailableError("503 for one of them")
        self.decoded += [offset for batch in batches for offset in batch.offsets]
        return super().decode(batches)

    def apply(self, things: Things) -> None:
        if found := self.refuses & things.effects:
            if self.writes_before_it_refuses:
                self.store |= things.effects - found
            raise RefusedError(f"Key of {len(found)} values may not be empty")
        super().apply(things)

    def pipeline(self, guard: DeadLetterLimitGuard | None = None) -> Pipeline[list[Record], Things]:
        return Pipeline(
            TOPIC,
            Steps(self.decode, self.project, self.apply, _conflict),
            dead_letters=DeadLetterReporter(self.send, self.metrics),
            metrics=self.metrics,
            retry_policy=RetryPolicy(
                (UnavailableError,), self.stopping, first_s=0.001, longest_s=0.01
            ),
            guard=guard,
            refusals=(RefusedError,),
            decisions=self.decided,
        )

    def take(self, records: Sequence[Record], guard: DeadLetterLimitGuard | None = None) -> None:
        pipeline = self.pipeline(guard)
        self.metrics.consumed(TOPIC, len(records))
        try:
            pipeline.run(batches_of(records))
        except BatchPausedError as paused:
            pipeline.retry(batches_of(records), paused.reported)


def records(count: int, partition: int = 3) -> list[Record]:
    return [thing(offset, b"%d" % offset, partition=partition) for offset in range(count)]


def position(offset: int, partition: int = 3) -> RecordPosition:
    return RecordPosition(TOPIC, partition, offset)


def headers(message: Message) -> dict[str, bytes | None]:
    return dict(message.headers)


@pytest.mark.parametrize("at", [0, 6, 11])
def test_a_refused_record_is_a_dead_letter_and_its_neighbours_are_applied(at: int) -> None:
    shop = Shop()
    shop.refuses = {b"%d" % at}
    shop.take(records(12))
    assert shop.store == {b"%d" % offset for offset in range(12) if offset != at}
    (dead_letter,) = shop.reported
    assert dead_letter.value == b"%d" % at
    added = headers(dead_letter)
    assert added[CODE_HEADER] == b"store_refused"
    assert added["__connect.errors.exception.class.name"] == b"RefusedError"
    reason = added["__connect.errors.exception.message"]
    assert reason == b"RefusedError: Key of 1 values may not be empty"
    assert added["__connect.errors.offset"] == b"%d" % at
    assert added["trace"] == b"\xff\x00"
    assert (shop.counters.applied, shop.counters.dead_letters) == (11, {"store_refused": 1})
    assert shop.counters.balanced


def test_bad_frames_and_conflicts_next_to_a_refusal_are_reported_once() -> None:
    shop = Shop()
    shop.refuses = {b"5"}
    mixed = [*records(8), thing(8, None), thing(9, b"taken")]
    shop.take(mixed)
    codes = sorted(
        (headers(dead_letter)[CODE_HEADER] or b"").decode() for dead_letter in shop.reported
    )
    assert codes == ["bad_frame", "id_conflict", "store_refused"]
    assert shop.counters.balanced
    assert shop.counters.applied == 7


def test_a_store_that_refuses_every_record_stops_the_worker_before_the_limit() -> None:
    shop = Shop()
    shop.refuses = {b"%d" % offset for offset in range(40)}
    limit = DeadLetterLimit(ratio=0, window=1, minimum=1, consecutive=30)
    guard = DeadLetterLimitGuard(TOPIC, shop.metrics, limit, {"store_refused"})
    with pytest.raises(DeadLetterLimitError, match="store_refused"):
        shop.take(records(40), guard)
    assert len(shop.reported) == 29


def test_refused_record_is_reported_before_the_records_behind_it_are_applied() -> None:
    shop = Shop()
    shop.refuses = {b"4"}
    shop.before["send"] = [UnavailableError("no acknowledgement")] * 3
    pipeline = shop.pipeline()
    with pytest.raises(BatchPausedError):
        pipeline.run(batches_of(records(8)))
    assert shop.store == {b"0", b"1", b"2", b"3"}
    shop.take(records(8))
    assert len(shop.store) == 7
    assert len(shop.reported) == 1


def test_refused_records_among_good_ones_are_not_in_a_row() -> None:
    shop = Shop()
    shop.refuses = {b"%d" % offset for offset in range(0, 40, 2)}
    limit = DeadLetterLimit(ratio=0, window=1, minimum=1, consecutive=10)
    shop.take(records(40), DeadLetterLimitGuard(TOPIC, shop.metrics, limit, {"store_refused"}))
    assert len(shop.reported) == 20


def test_what_a_store_wrote_before_it_refused_is_counted_as_duplicates() -> None:
    shop = Shop()
    shop.refuses, shop.writes_before_it_refuses = {b"2"}, True
    shop.take(records(6))
    assert len(shop.store) == 5
    assert (shop.counters.applied, shop.counters.duplicates) == (0, 5)
    assert shop.counters.balanced


def test_a_server_that_goes_away_while_a_refusal_is_isolated_counts_nothing_twice() -> None:
    shop = Shop()
    shop.refuses = {b"9"}
    shop.before["apply"] = [RefusedError("whole"), UnavailableError("away")]
    shop.after["apply"] = []
    shop.take(records(10))
    assert len(shop.reported) == 1
    assert shop.counters.balanced
    assert shop.counters.consumed == 10


def test_a_dead_letter_that_has_to_wait_lets_nothing_be_counted_twice() -> None:
    shop = Shop()
    shop.refuses = {b"4"}
    shop.before["send"] = [UnavailableError("no acknowledgement")] * 2
    shop.take(records(8))
    assert len(shop.store) == 7
    assert len(shop.reported) == 1
    assert shop.counters.consumed == 8
    assert shop.counters.balanced


def test_a_refusal_of_an_error_that_is_none_ends_the_worker() -> None:
    shop = Shop()
    shop.before["apply"] = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        shop.take(records(3))
    assert shop.reported == []


@contextmanager
def blocked(shop: Shop, given: Sequence[Record]) -> Iterator[Pipeline[list[Record], Things]]:
    """The records on their way in a thread, until that ends, or is stopped with the context."""
    pipeline = shop.pipeline()
    shop.metrics.consumed(TOPIC, len(given))
    failed: list[BaseException] = []

    def work() -> None:
        try:
            pipeline.retry(batches_of(given), ReportedRecords())
        except BaseException as error:  # noqa: BLE001 - judged below
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield pipeline
        thread.join(20)
        assert not thread.is_alive()
        assert failed == []
    finally:
        shop.stopping.set()
        thread.join(20)
    assert pipeline.blockages.current() == ()


def blocker(
    pipeline: Pipeline[list[Record], Things], offset: int | None = None, tries: int = 0
) -> Blockage:
    """The record that is known to block, of this offset and after more tries than these."""

    def known() -> list[Blockage]:
        return [
            found
            for found in pipeline.blockages.current()
            if found.exact and found.tries > tries and offset in (None, found.offset)
        ]

    return wait_until(known, what="the record is known", poll_s=0.005)[0]


@pytest.mark.parametrize("at", [0, 7, 19])
def test_the_record_that_blocks_is_found_and_what_precedes_it_is_applied(at: int) -> None:
    shop = Shop()
    shop.away = {b"%d" % at}
    with blocked(shop, records(20)) as pipeline:
        found = blocker(pipeline)
        assert (found.topic, found.partition, found.offset) == (TOPIC, 3, at)
        assert (found.step, found.reason) == (
            "decode",
            "UnavailableError: 503 for one of them",
        )
        assert shop.store == {b"%d" % offset for offset in range(at)}
        again = blocker(pipeline, tries=found.tries)
        assert again.since == found.since
        shop.away = set()
    assert len(shop.store) == 20
    assert shop.counters.balanced
    assert shop.counters.applied == 20


def test_a_rejected_record_is_removed_before_it_is_decoded_and_counted_once() -> None:
    shop = Shop()
    shop.away = {b"7"}
    with blocked(shop, records(20)) as pipeline:
        blocker(pipeline)
        shop.decided.made = {position(7, 4): "another partition", position(7): "not ours"}
    assert 7 not in shop.decoded
    (dead_letter,) = shop.reported
    added = headers(dead_letter)
    assert dead_letter.value == b"7"
    assert (added[CODE_HEADER], added[GROUP_HEADER]) == (
        b"operator_rejected",
        b"storyline-v1-things",
    )
    assert added["__connect.errors.exception.message"] == b"not ours"
    assert (shop.counters.applied, shop.counters.dead_letters) == (19, {"operator_rejected": 1})
    assert shop.counters.balanced


def test_a_decision_made_before_the_start_counts_at_the_first_try() -> None:
    shop = Shop()
    shop.decided.rejected = {position(0): "no", position(1): "no"}
    shop.take(records(2))
    shop.take(records(1, partition=5))
    assert len(shop.reported) == 2
    assert shop.decoded == [0]
    assert shop.counters.balanced


def test_a_decided_record_does_not_count_towards_the_limit() -> None:
    shop = Shop()
    shop.decided.rejected = {position(offset): "no" for offset in range(5)}
    limit = DeadLetterLimit(ratio=0, window=1, minimum=1, consecutive=2)
    guard = DeadLetterLimitGuard(TOPIC, shop.metrics, limit, {"operator_rejected", "store_refused"})
    shop.take(records(6), guard)
    assert len(shop.reported) == 5


def test_two_records_that_block_are_named_one_after_the_other() -> None:
    shop = Shop()
    shop.away = {b"3", b"15"}
    with blocked(shop, records(20)) as pipeline:
        for offset in (3, 15):
            blocker(pipeline, offset)
            shop.away = shop.away - {b"%d" % offset}
    assert shop.counters.applied == 20


class WatchingShop(Shop):
    """A shop that notes with each record that is decoded whether a blockage is known."""

    def pipeline(self, guard: DeadLetterLimitGuard | None = None) -> Pipeline[list[Record], Things]:
        self.blocked: dict[int, bool] = {}
        self.made = super().pipeline(guard)
        return self.made

    def decode(self, batches: Sequence[RawBatch]) -> tuple[list[Record], list[Any]]:
        known = bool(self.made.blockages.current())
        self.blocked |= dict.fromkeys(
            (offset for batch in batches for offset in batch.offsets), known
        )
        return super().decode(batches)


def test_blockage_ends_when_its_record_is_applied_though_others_follow() -> None:
    shop = WatchingShop()
    shop.away = {b"3"}
    with blocked(shop, records(20)) as pipeline:
        blocker(pipeline, 3)
        shop.away = set()
    assert shop.blocked == {offset: offset <= 3 for offset in range(20)}


def test_blockage_of_two_partitions_names_the_first_record() -> None:
    given = [*batches_of(records(2)), *batches_of(records(3, partition=5))]
    error = BatchPausedError("decode", ReportedRecords())
    error.__cause__ = OSError("away")
    found = _blockage(given, error)
    assert (found.topic, found.partition, found.offset) == (TOPIC, 3, 0)
    assert not found.exact


def test_a_worker_that_stops_forgets_what_it_waits_at() -> None:
    shop = Shop()
    shop.away = {b"1"}
    pipeline = shop.pipeline()
    threading.Timer(0.05, shop.stopping.set).start()
    with pytest.raises(StoppedError):
        pipeline.retry(batches_of(records(2)), ReportedRecords())
    assert pipeline.blockages.current() == ()


def test_pauses_double_up_to_the_longest() -> None:
    retry_policy = RetryPolicy((), threading.Event(), first_s=0.1, longest_s=10)
    pauses = [retry_policy.next_pause_s(tries) for tries in range(12)]
    assert all(0.1 <= pause <= 0.2 for pause in pauses[:2])
    assert 0.4 <= pauses[3] <= 0.5
    assert pauses[11] == 10
    assert retry_policy.next_pause_s(10**6) == 10


def test_batches_are_cut_at_any_record_and_lose_none() -> None:
    given = batches_of(records(5))
    for count in range(7):
        first, rest = cut(given, count)
        offsets = [[o for batch in part for o in batch.offsets] for part in (first, rest)]
        assert offsets == [list(range(min(count, 5))), list(range(count, 5))]


def test_a_blockage_keeps_its_first_moment_and_is_shown_in_words() -> None:
    clock = iter([100.0, 150.0])
    blockages = Blockages(lambda: next(clock))
    seen = Blockage("t", 2, 5, exact=False, step="apply", reason="Down: x", since=0, tries=0)
    part = object()
    blockages.note(part, seen)
    blockages.note(part, seen._replace(exact=True))
    (found,) = blockages.current()
    assert (found.since, found.tries, found.seconds(160)) == (100.0, 2, 60.0)
    assert str(found) == "t[2]: apply waits at offset 5: Down: x"
    assert "at or after offset 5" in str(seen)
    assert found.seconds(50) == 0
    assert len(shortened(ValueError("x" * 1000))) == REASON_LENGTH
