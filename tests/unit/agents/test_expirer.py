"""The process that tells of ends: what it waits for, and what it says."""

from collections.abc import Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from streams.agents.story_expiry import ExpiryPublisher
from streams.app.workers.expire import LATE, PENDING, PUBLISHED, Expirer, ExpiryMetrics
from streams.contracts.events import Event
from streams.contracts.ids import make_id
from streams.errors import StoreUnavailableError
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import Effects
from streams.views.story_expiry import Expiry
from tests.contract.store_events import DAY_MS, MS_2024, Scope


class World:
    def __init__(self) -> None:
        self.now = (MS_2024 + DAY_MS) / 1000 + 7
        self.store = MemoryStore(clock=lambda: MS_2024)
        self.sent: list[Event] = []
        self.failure: Exception | None = None
        self.lag = 0
        self.metrics = ExpiryMetrics()
        publisher = ExpiryPublisher(self.store.expiries, self.store, self._send)
        self.expirer = Expirer(
            publisher, lag=self._lag, metrics=self.metrics, clock=lambda: self.now
        )
        self.story = Scope(0).story(make_id(MS_2024), 1, 1, expires_at=MS_2024 + DAY_MS)
        self.store.apply(Effects(create_stories=[self.story]))

    def _send(self, events: Sequence[Event]) -> None:
        self._fail()
        self.sent += events

    def _lag(self) -> int:
        self._fail()
        return self.lag

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def values(self) -> list[float | None]:
        names = (PUBLISHED, PENDING, LATE)
        return [self.metrics.registry.get_sample_value(name) for name in names]


@pytest.fixture
def world() -> World:
    return World()


def test_it_waits_until_the_stories_are_folded_once(world: World) -> None:
    world.lag = 5
    world.expirer.run_once()
    assert not world.sent
    world.lag = 0
    world.expirer.run_once()
    assert len(world.sent) == 1
    world.lag = 5  # from now on new stories do not hold it up
    world.store.apply(Effects(create_stories=[world.story._replace(story_id=make_id(MS_2024) + 1)]))
    world.expirer.run_once()
    assert len(world.sent) == 2


@pytest.mark.parametrize(
    "failure",
    [StoreUnavailableError("away"), KafkaException(KafkaError(KafkaError._TRANSPORT))],
    ids=["store", "broker"],
)
def test_unavailable_server_is_waited_for_and_logged_once(world: World, failure: Exception) -> None:
    world.failure = failure
    with capture_logs() as logs:
        world.expirer.run_once()
        world.expirer.run_once()
    assert [line["event"] for line in logs] == ["waiting for a server"]
    world.failure = None
    world.expirer.run_once()
    assert len(world.sent) == 1


def test_what_nobody_expects_ends_it(world: World) -> None:
    world.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        world.expirer.run_once()


def test_metrics_show_pending_ends_and_their_delay(world: World) -> None:
    world.expirer.run_once()
    assert world.values() == [1, 1, 7]
    world.store.apply(
        Effects(
            expiries=[Expiry(world.story.story_id, world.story.author_id, world.story.expires_at)]
        )
    )
    world.expirer.run_once()
    assert world.values() == [1, 0, 0]


def test_a_wait_beyond_a_minute_is_unhealthy_and_names_the_server(world: World) -> None:
    world.failure = StoreUnavailableError("Cassandra does not answer")
    world.expirer.run_once()
    world.now += 59
    world.expirer.run_once()
    assert world.expirer.health().ok
    world.now += 1
    assert world.expirer.health().reasons == (
        "waiting for a server, for 60 s: Cassandra does not answer",
    )
    world.failure = None
    world.expirer.run_once()
    assert world.expirer.health().ok
