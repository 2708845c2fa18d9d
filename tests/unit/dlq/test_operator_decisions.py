"""Decisions of operators as the worker of one group reads them."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import orjson
import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.dlq import operator_decisions
from streams.dlq.decisions import ACTIONS_TOPIC, parse_decisions
from streams.dlq.operator_decisions import OperatorDecisions, rejection_message
from streams.record import Record, RecordPosition
from streams.runtime.producer import ProducerUnavailableError

GROUP = "storyline-v1-graph"
PLACE = RecordPosition("social.blocks.v1", 2, 17)


class Topic:
    """The topic of decisions, and a consumer of it."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.start = self.at = 0
        self.away = False
        self.connected = 0

    def connect(self, config: dict[str, str]) -> "Topic":
        assert config["bootstrap.servers"] == "broker"
        self.connected += 1
        return self

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:  # noqa: ARG002
        self._answer()
        found = SimpleNamespace(error=None, partitions={0: None})
        return SimpleNamespace(topics={topic: found})

    def assign(self, partitions: list[SimpleNamespace]) -> None:
        (place,) = partitions
        assert place.topic == ACTIONS_TOPIC
        self.at = place.offset

    def get_watermark_offsets(self, place: object, timeout: float) -> tuple[int, int]:  # noqa: ARG002
        self._answer()
        return self.start, len(self.values)

    def consume(self, count: int, timeout: float) -> list[SimpleNamespace]:  # noqa: ARG002
        found = self.values[self.at : self.at + 2]
        messages = [
            SimpleNamespace(
                error=lambda: None,
                value=lambda value=value: value,
                partition=lambda: 0,
                offset=lambda offset=self.at + number: offset,
            )
            for number, value in enumerate(found)
        ]
        self.at += len(found)
        return messages

    def close(self) -> None:
        self.connected -= 1

    def _answer(self) -> None:
        if self.away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Topic]:
    made = Topic()
    monkeypatch.setattr(operator_decisions, "Consumer", made.connect)
    yield made
    assert made.connected == 0


def test_the_decisions_of_a_group_are_read_whole_and_then_as_they_come(topic: Topic) -> None:
    topic.values = [
        None,
        b"not json",
        b"[]",
        orjson.dumps({"action": "discarded", "failed_at": [str(PLACE)]}),
        rejection_message(
            RecordPosition("social.blocks.v1", 2, 18), "storyline-v1-lake", "other"
        ).value,
        rejection_message(PLACE, GROUP, "lost schema").value,
    ]
    with OperatorDecisions("broker", GROUP, every_s=0) as decisions:
        assert decisions.of("social.blocks.v1") == {PLACE: "lost schema"}
        assert decisions.of("social.posts.v1") == {}
        topic.values.append(rejection_message(PLACE._replace(offset=30), GROUP, "again").value)
        decisions.refresh()
        assert set(decisions.of("social.blocks.v1")) == {PLACE, PLACE._replace(offset=30)}


def test_refresh_soon_after_another_reads_nothing(topic: Topic) -> None:
    with OperatorDecisions("broker", GROUP, every_s=60) as decisions:
        topic.values.append(rejection_message(PLACE, GROUP, "late").value)
        decisions.refresh()
        assert decisions.of(PLACE.topic) == {}


def test_a_broker_that_is_away_is_waited_for_and_misses_nothing(topic: Topic) -> None:
    with OperatorDecisions("broker", GROUP, every_s=0) as decisions:
        topic.away = True
        topic.values.append(rejection_message(PLACE, GROUP, "x").value)
        with pytest.raises(ProducerUnavailableError, match="decisions of operators"):
            decisions.refresh()
        topic.away = False
        decisions.refresh()
        assert decisions.of(PLACE.topic) == {PLACE: "x"}
        topic.away = True
        with pytest.raises(ProducerUnavailableError), OperatorDecisions("broker", "other"):
            pass


def test_what_the_log_has_deleted_is_not_waited_for(topic: Topic) -> None:
    topic.values = [rejection_message(PLACE, GROUP, "x").value] * 3
    topic.start = 3
    began = time.monotonic()
    with OperatorDecisions("broker", GROUP) as decisions:
        assert decisions.of(PLACE.topic) == {}
    assert time.monotonic() - began < 5


def test_a_decision_is_none_about_a_dead_letter() -> None:
    message = rejection_message(PLACE, GROUP, "why")
    record = Record(ACTIONS_TOPIC, 0, 0, 0, message.key, message.value)
    assert list(parse_decisions([[record]])) == []
