"""Messages about a broker that is away, that lacks a topic, or that refuses what it is sent."""

from types import SimpleNamespace

import pytest
from confluent_kafka import Producer

from streams.agents.registry import AGENTS
from streams.app.dlq import record_rejection
from streams.app.dlq.operations import details
from streams.app.dlq.record_rejection import RejectableRecord, reject
from streams.app.settings import Settings
from streams.app.workers import run
from streams.app.workers.lag import wait_for_workers
from streams.contracts.batch import ErrorCode
from streams.dlq import operator_decisions
from streams.dlq.operator_decisions import decisions_of
from streams.errors import UserError
from streams.generate import event_writers
from streams.generate.malformed_records import MalformedRecord
from streams.kafka import topics as topics_module
from streams.kafka.topics import BrokerUnavailableError, Topics
from streams.producer import EventProducer, PublishError
from streams.record import RecordPosition
from streams.runtime.consumer.fetch_thread import MembershipLostError, _join_once
from streams.runtime.monitoring.stalls import PartitionProgress, Stall, StallKind
from streams.runtime.producer import (
    MAX_MESSAGE_BYTES,
    AckedProducer,
    Message,
    ProducerUnavailableError,
)
from streams.runtime.worker import NoProgressError
from tests.support.local_stack import free_ports
from tests.support.messages import produces, shown
from tests.support.small_broker import small_broker

POSTS = "social.posts.v1"
GROUP = "storyline-v1-posts"
PLACE = RecordPosition(POSTS, 0, 5)


@pytest.fixture
def away() -> Settings:
    """Settings with a port at which no broker listens."""
    usual = Settings()
    (port,) = free_ports(1)
    return usual.model_copy(update={"ports": usual.ports.model_copy(update={"kafka": port})})


@produces("the broker at … has no topic …")
def test_publishing_to_a_missing_topic_says_how_to_create_it() -> None:
    with small_broker() as settings:
        log = EventProducer(settings.bootstrap, settings.registry_url)
        with pytest.raises(PublishError, match=r"no topic social\.blocks\.v1") as missing:
            log.publish({"type": "UserMuted", "user_id": 1, "target_id": 2})
        log.close()
    assert "storyline topics apply" in str(missing.value.hint)


@produces("Kafka has no topic …")
def test_worker_without_its_topic_says_how_to_create_it() -> None:
    with small_broker() as settings, pytest.raises(UserError, match=f"no topic {POSTS}") as missing:
        run.check_topics(settings, {POSTS})
    assert "storyline topics apply" in str(missing.value.hint)


def test_broker_without_a_controller_is_reported_as_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics_module, "_TIMEOUT_S", 0.2)
    with small_broker() as settings, pytest.raises(BrokerUnavailableError, match="controller"):
        Topics(settings.bootstrap).apply()


@produces("the workers do not keep up: …")
def test_workers_that_apply_nothing_are_named() -> None:
    topics = {topic for agent in AGENTS.values() for topic in agent.topics}
    with (
        small_broker(*topics) as settings,
        pytest.raises(UserError, match=f"records are left.*{GROUP}"),
    ):
        wait_for_workers(settings, timeout_s=0.1)


@produces("the dead letter at … was removed: its retention ended")
def test_dead_letter_that_is_gone_is_reported() -> None:
    with small_broker(f"{POSTS}.dlq") as settings, pytest.raises(UserError, match="was removed"):
        details(settings, RecordPosition(f"{POSTS}.dlq", 0, 5))


@produces("a bad record was not acknowledged: …")
def test_bad_record_without_a_broker_is_reported(
    away: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        event_writers, "Producer", lambda config: Producer(config | {"message.timeout.ms": 200})
    )
    drop = event_writers._Dropper(away.bootstrap)
    with pytest.raises(UserError, match="not acknowledged: Local: Message timed out") as refused:
        drop(MalformedRecord(POSTS, b"1", b"rubbish", ErrorCode.BAD_FRAME))
    assert "storyline status" in str(refused.value.hint)


@produces("the broker did not acknowledge the decision: …")
def test_decision_without_a_broker_is_reported(
    away: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        record_rejection,
        "AckedProducer",
        lambda bootstrap, client_id: AckedProducer(
            bootstrap, client_id=client_id, acknowledge_within_s=0.2
        ),
    )
    record = RejectableRecord(PLACE, GROUP, f"{POSTS}.dlq", True, None)
    with pytest.raises(UserError, match="did not acknowledge") as refused:
        reject(away, record, "lost schema")
    assert "run it again" in str(refused.value.hint)


@produces("decisions of operators cannot be read …")
def test_worker_without_a_broker_waits_for_decisions(
    away: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_decisions, "_TIMEOUT_S", 0.2)
    with pytest.raises(ProducerUnavailableError) as waits:
        decisions_of(away.bootstrap, GROUP, POSTS)
    assert ProducerUnavailableError in run.TRANSIENT
    shown(str(waits.value))


@produces("…: the broker refused a message: …")
def test_message_that_the_broker_never_takes_ends_the_worker(away: Settings) -> None:
    too_large = Message(f"{POSTS}.dlq", b"1", b"x" * (MAX_MESSAGE_BYTES + 1))
    with (
        pytest.raises(UserError, match=f"{GROUP}: .*too large") as ended,
        run._explained(GROUP),
    ):
        AckedProducer(away.bootstrap, client_id="test").send([too_large])
    assert "storyline topics diff" in str(ended.value.hint)


@produces("… made no progress and ended: …")
def test_worker_without_progress_says_to_start_it_again() -> None:
    stall = Stall((POSTS, 3), StallKind.POSITION, PartitionProgress(5, 5, 9, busy=False), 301.0)
    with pytest.raises(UserError, match="reading is stuck at 5") as ended, run._explained(GROUP):
        raise NoProgressError([stall])
    assert "storyline up --workers" in str(ended.value.hint)


@produces("the worker ended: …", "… no longer knows this process as …")
def test_worker_whose_name_was_taken_says_how_to_name_it() -> None:
    coordinator = SimpleNamespace(
        generation=3,
        group_id=GROUP,
        reset_generation=lambda: None,
        _closing=SimpleNamespace(done=lambda: False),
        _group_instance_id="host-a-0",
    )
    _join_once(coordinator)
    with pytest.raises(UserError, match="as host-a-0") as ended, run._explained(GROUP):
        coordinator.reset_generation()
    assert isinstance(ended.value.__cause__, MembershipLostError)
    assert "--instance" in str(ended.value.hint)
