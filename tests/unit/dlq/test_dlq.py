"""Dead letters: which copies are one letter, its state, and what a replay sends and records."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from streams.contracts.batch import ErrorCode, Rejected
from streams.contracts.catalog import internal_topics
from streams.dlq.decisions import ACTIONS_TOPIC, decision_message, parse_decisions, record_decision
from streams.dlq.model import DeadLetter, DeadLetterState
from streams.dlq.replay import Replay, discard, replay, replays
from streams.dlq.search import DeadLetterFilter, all_dead_letters, select
from streams.errors import UserError
from streams.record import Headers, Record, RecordPosition, parse_position
from streams.runtime.dead_letters.attempts import Attempts, attempt_headers, attempts_of
from streams.runtime.dead_letters.reporter import DeadLetterReporter, own_headers
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.producer import Message, MessageRefusedError, ProducerUnavailableError
from tests.support.messages import produces

TOPIC = "social.likes.v1"
DLQ = f"{TOPIC}.dlq"
TRACE = ("trace", b"\xff\x00")
ANY = DeadLetterFilter()


@dataclass
class Broker:
    """A log of one partition a topic; a worker's burial; a send that fails where a test says so."""

    logs: dict[str, list[Record]] = field(default_factory=dict)
    sent: list[Message] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)
    too_large: set[bytes | None] = field(default_factory=set)
    clock: int = 1_000

    def read(self, topic: str, start: int | None, *, follow: bool) -> Iterator[Sequence[Record]]:
        assert not follow
        records = self.logs.get(topic, [])[start or 0 :]
        yield list(records)

    def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.topic in self.failing:
                raise self.failing[message.topic]
            if message.topic == TOPIC and message.value in self.too_large:
                raise MessageRefusedError("too large")
            self.append(message)
        self.sent += messages

    def append(self, message: Message) -> Record:
        log = self.logs.setdefault(message.topic, [])
        self.clock += 1
        at = message.timestamp or self.clock
        record = Record(message.topic, 0, len(log), at, message.key, message.value, message.headers)
        log.append(record)
        return record

    def poison(self, value: bytes | None = b"bad", headers: Headers = ()) -> Record:
        return self.append(Message(TOPIC, b"7", value, headers))

    def report(self, record: Record, group: str = "engagement", code: str = "bad_frame") -> None:
        rejected = Rejected(record, ErrorCode(code), "VALUE_CONVERTER", "Error", "too short")
        metrics = Metrics(f"storyline-v1-{group}")
        DeadLetterReporter(self.send, metrics).report([rejected], "step")

    def dead_letters(self, wanted: DeadLetterFilter = ANY) -> list[DeadLetter]:
        return select(all_dead_letters(self, [TOPIC]), wanted)

    def plan(
        self,
        wanted: DeadLetterFilter = ANY,
        *,
        again: bool = False,
        limit: int | None = None,
    ) -> list[Replay]:
        everything = self.dead_letters()
        return replays(select(everything, wanted), everything, again=again, limit=limit)

    def replay(self, plan: Sequence[Replay]) -> int:
        return replay(plan, self, self.send, lambda _: None).replayed


def test_record_reported_again_by_a_restarted_worker_is_the_same_attempt() -> None:
    broker = Broker()
    record = broker.poison()
    broker.report(record)
    broker.report(record)
    (dead_letter,) = broker.dead_letters()
    assert (dead_letter.attempts, len(dead_letter.copies)) == (1, 2)
    assert dead_letter.id.origin == RecordPosition(TOPIC, 0, 0)
    assert dead_letter.first_seen == record.append_time


def test_dead_letter_is_identified_by_a_stable_64_bit_digest() -> None:
    """Decisions that are stored name it."""
    broker = Broker()
    broker.report(broker.poison(b"bad"))
    broker.report(broker.poison(None))
    assert [dead_letter.id.content for dead_letter in broker.dead_letters()] == [
        "d38afe4a6d9443e4",
        "0cbd80e5cd46eb7f",
    ]


def test_record_that_no_worker_reported_is_its_own_origin_and_failed_once() -> None:
    broker = Broker()
    broker.append(Message(DLQ, b"7", b"bad", ()))
    (dead_letter,) = broker.dead_letters()
    assert (dead_letter.copies[0].attempt, dead_letter.id.origin) == (1, RecordPosition(DLQ, 0, 0))


def test_each_group_has_its_own_dead_letter() -> None:
    broker = Broker()
    record = broker.poison()
    broker.report(record, "engagement")
    broker.report(record, "posts")
    assert [dead_letter.id.group for dead_letter in broker.dead_letters()] == [
        "storyline-v1-engagement",
        "storyline-v1-posts",
    ]


def test_what_fails_again_keeps_its_past_and_is_open_again() -> None:
    broker = Broker()
    first = broker.poison(headers=(TRACE,))
    broker.report(first)
    for attempts in (2, 3, 4):
        assert broker.replay(broker.plan()) == 1
        (dead_letter,) = broker.dead_letters()
        assert dead_letter.state is DeadLetterState.REPLAYED
        broker.report(broker.logs[TOPIC][-1])
        (dead_letter,) = broker.dead_letters()
        assert dead_letter.state is DeadLetterState.OPEN
        assert dead_letter.attempts == attempts
        assert dead_letter.first_seen == first.append_time
        assert dead_letter.id.origin == RecordPosition(TOPIC, 0, 0)
        assert dead_letter.latest.failed_at == RecordPosition(TOPIC, 0, attempts - 1)
    # Retention takes the older copies and the past is still known.
    broker.logs[DLQ] = broker.logs[DLQ][-1:]
    (dead_letter,) = broker.dead_letters()
    assert (dead_letter.attempts, dead_letter.first_seen) == (4, first.append_time)


@pytest.mark.parametrize("value", [None, b"", b"\x07garbage"])
def test_a_replay_sends_the_record_unedited_with_its_own_headers(value: bytes | None) -> None:
    broker = Broker()
    own = (TRACE, ("__connect.errors.topic", b"elsewhere"), ("nothing", None), TRACE)
    broker.report(broker.poison(value, own))
    for _ in range(2):
        broker.replay(broker.plan())
        broker.report(broker.logs[TOPIC][-1])
    first, second, third = broker.logs[TOPIC]
    for copy in (second, third):
        assert (copy.key, copy.value) == (first.key, first.value)
        assert copy.headers[:4] == own
    assert attempts_of(second.headers) == Attempts(
        RecordPosition(TOPIC, 0, 0), first.append_time, 1
    )
    assert attempts_of(third.headers) == Attempts(RecordPosition(TOPIC, 0, 0), first.append_time, 2)
    assert len(third.headers) == 4 + 3


def test_a_record_that_several_groups_refused_is_replayed_once() -> None:
    broker = Broker()
    record = broker.poison()
    broker.report(record, "engagement")
    broker.report(record, "posts")
    assert broker.replay(broker.plan(DeadLetterFilter(groups=frozenset({"posts"})))) == 1
    assert len(broker.logs[TOPIC]) == 2
    assert {dead_letter.state for dead_letter in broker.dead_letters()} == {
        DeadLetterState.REPLAYED
    }


def test_what_comes_in_after_the_selection_is_left_for_the_next_run() -> None:
    broker = Broker()
    broker.report(broker.poison())
    plan = broker.plan()
    broker.report(broker.poison(b"later"))
    assert broker.replay(plan) == 1
    assert [dead_letter.state for dead_letter in broker.dead_letters()] == [
        DeadLetterState.REPLAYED,
        DeadLetterState.OPEN,
    ]


def test_settled_dead_letters_are_replayed_only_with_again() -> None:
    broker = Broker()
    for value in (b"a", b"b", b"c"):
        broker.report(broker.poison(value))
    one, two, three = broker.dead_letters()
    broker.replay(broker.plan(DeadLetterFilter(positions=one.positions)))
    discard([two], "known", broker.send, lambda _: None)
    assert [dead_letter.state for dead_letter in broker.dead_letters()] == [
        "replayed",
        "discarded",
        "open",
    ]
    assert [item.position for item in broker.plan()] == [three.latest.position]
    assert len(broker.plan(again=True)) == 3
    assert len(broker.plan(again=True, limit=2)) == 2
    assert broker.dead_letters()[1].decisions[0].reason == "known"


def test_discarded_dead_letter_stays_discarded_when_a_restarted_worker_reports_it_again() -> None:
    broker = Broker()
    record = broker.poison()
    broker.report(record)
    discard(broker.dead_letters(), "known", broker.send, lambda _: None)
    broker.report(record)
    assert broker.dead_letters()[0].state is DeadLetterState.DISCARDED


@produces("the broker did not acknowledge: …; … were done and noted before")
@pytest.mark.parametrize(
    ("topic", "error"),
    [
        (TOPIC, ProducerUnavailableError("no")),
        (ACTIONS_TOPIC, ProducerUnavailableError("no")),
        (ACTIONS_TOPIC, MessageRefusedError("no")),
    ],
)
def test_nothing_is_called_replayed_that_was_not_acknowledged(topic: str, error: Exception) -> None:
    broker = Broker()
    for value in (b"a", b"b"):
        broker.report(broker.poison(value))
    broker.replay(broker.plan(limit=1))
    broker.failing[topic] = error
    with pytest.raises(UserError, match="did not acknowledge"):
        broker.replay(broker.plan())
    assert [dead_letter.state for dead_letter in broker.dead_letters()] == [
        DeadLetterState.REPLAYED,
        DeadLetterState.OPEN,
    ]
    broker.failing.clear()
    assert broker.replay(broker.plan()) == 1


def test_a_record_that_the_broker_refuses_holds_up_no_other() -> None:
    broker = Broker(too_large={b"b"})
    for value in (b"a", b"b", b"c"):
        broker.report(broker.poison(value))
    outcome = replay(broker.plan(), broker, broker.send, lambda _: None)
    assert (outcome.replayed, outcome.refused) == (2, (RecordPosition(DLQ, 0, 1),))
    assert [dead_letter.state for dead_letter in broker.dead_letters()] == [
        "replayed",
        "open",
        "replayed",
    ]


def test_replay_names_a_dead_letter_that_retention_removed() -> None:
    broker = Broker()
    broker.report(broker.poison())
    plan = broker.plan()
    broker.logs[DLQ] = []
    outcome = replay(plan, broker, broker.send, lambda _: None)
    assert outcome.gone == (RecordPosition(DLQ, 0, 0),)
    assert ACTIONS_TOPIC not in broker.logs


def test_dead_letters_are_selected_by_all_criteria() -> None:
    broker = Broker()
    for at, (group, code) in enumerate([("posts", "bad_frame"), ("graph", "id_conflict")]):
        broker.report(broker.poison(b"%d" % at), group, code)
    one, two = broker.dead_letters()
    first = one.first_seen
    for wanted, found in (
        (DeadLetterFilter(), [one, two]),
        (DeadLetterFilter(topics=frozenset({TOPIC})), [one, two]),
        (DeadLetterFilter(topics=frozenset({"social.posts.v1"})), []),
        (DeadLetterFilter(codes=frozenset({"bad_frame"})), [one]),
        (DeadLetterFilter(groups=frozenset({"graph"})), [two]),
        (DeadLetterFilter(groups=frozenset({"storyline-v1-posts"})), [one]),
        (DeadLetterFilter(since=first, until=two.first_seen), [one]),
        (DeadLetterFilter(since=first + 1), [two]),
        (DeadLetterFilter(positions=frozenset({RecordPosition(DLQ, 0, 1)})), [two]),
        (DeadLetterFilter(states=frozenset({DeadLetterState.DISCARDED})), []),
        (DeadLetterFilter(codes=frozenset({"bad_frame"}), groups=frozenset({"graph"})), []),
    ):
        assert [dead_letter.id for dead_letter in broker.dead_letters(wanted)] == [
            one.id for one in found
        ], wanted
    with pytest.raises(UserError, match=r"no dead letter at social.likes.v1.dlq:0:9"):
        broker.dead_letters(DeadLetterFilter(positions=frozenset({RecordPosition(DLQ, 0, 9)})))


def test_only_topics_that_are_asked_for_are_read() -> None:
    assert DeadLetterFilter(positions=frozenset({RecordPosition(DLQ, 0, 1)})).sources == [TOPIC]
    assert DeadLetterFilter(topics=frozenset({TOPIC})).sources == [TOPIC]
    assert len(DeadLetterFilter().sources) == 9


def test_headers_copied_onto_another_record_hide_nothing() -> None:
    """As by a program that passes on the headers of what it reads."""
    broker = Broker()
    broker.report(broker.poison())
    broker.replay(broker.plan())
    copied = broker.logs[TOPIC][-1].headers
    broker.report(broker.poison(b"other", copied))
    assert {dead_letter.state for dead_letter in broker.dead_letters()} == {
        DeadLetterState.REPLAYED,
        DeadLetterState.OPEN,
    }


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"1e3", "\u0663".encode(), b"9" * 19, b"\xff", b"two"]
)
def test_headers_that_storyline_never_wrote_count_for_nothing(value: bytes) -> None:
    past = Attempts(RecordPosition(TOPIC, 0, 1), 5, 1)
    headers = attempt_headers(past)
    assert attempts_of(headers) == past
    for name, _ in headers:
        assert attempts_of((*headers, (name, value))) is None
    assert own_headers((TRACE, *headers)) == (TRACE,)


def test_a_dead_letter_that_no_worker_wrote_can_be_replayed() -> None:
    broker = Broker()
    broker.append(Message(DLQ, None, b"by hand", (TRACE,)))
    (dead_letter,) = broker.dead_letters()
    assert dead_letter.id.origin == dead_letter.latest.position
    broker.replay(broker.plan())
    assert (broker.sent[0].topic, broker.sent[0].key, broker.sent[0].value) == (
        TOPIC,
        None,
        b"by hand",
    )
    assert broker.dead_letters()[0].state is DeadLetterState.REPLAYED


def test_an_action_reads_as_it_was_written_and_what_is_none_decides_nothing() -> None:
    broker = Broker()
    broker.report(broker.poison())
    (dead_letter,) = broker.dead_letters()
    action = record_decision(dead_letter, DeadLetterState.DISCARDED, "wrong clock")
    record = broker.append(decision_message(action))
    assert list(parse_decisions([[record]])) == [action._replace(at=record.append_time)]
    for value in (
        None,
        b"",
        b"[]",
        b"{}",
        b'{"action": "open?"}',
        b'{"action":"replayed","failed_at":[1]}',
    ):
        assert list(parse_decisions([[record._replace(value=value)]])) == []


def test_a_position_reads_as_it_is_written() -> None:
    place = RecordPosition(DLQ, 3, 17)
    assert str(place) == "social.likes.v1.dlq:3:17"
    assert parse_position(str(place)) == place
    for text in ("", DLQ, f"{DLQ}:3", f"{DLQ}:3:x", f"{DLQ}:-1:2", f"{DLQ}:3:17\n"):
        with pytest.raises(ValueError, match="topic:partition:offset"):
            parse_position(text)


def test_actions_go_to_a_topic_that_is_described() -> None:
    assert ACTIONS_TOPIC in internal_topics()
