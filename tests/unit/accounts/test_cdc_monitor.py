"""The watcher against a Connect that answers as it is told; no other server."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from streams.accounts.capture_metrics import (
    CONNECTOR_STATE,
    GAVE_UP,
    RESTARTS,
    SLOT_LAG,
    TASK_STATE,
    CaptureMetrics,
)
from streams.accounts.connect_client import ConnectClient
from streams.accounts.connector import Capture
from streams.accounts.connector_monitor import ConnectorMonitor
from streams.accounts.database import Connection, Server
from streams.accounts.restart_policy import RestartPolicy
from streams.errors import StoreUnavailableError
from tests.support.connect_server import AnsweringConnect, running_connect

CAPTURE = Capture(Server("db", 5432, "people", "reader"), "http://registry")
TRACE = "org.example.RuleViolationException: Incompatible artifact: people.public.users-value"
RESTART = ("POST", "/connectors/people/restart?includeTasks=true&onlyFailed=true", None)


class Database:
    """Answers the two questions about slot and heartbeat."""

    def execute(self, query: str, _values: object = None) -> "Database":
        self._row = (False, "reserved", 7, 9) if "slot" in query else (1.5,)
        return self

    def fetchone(self) -> tuple[Any, ...]:
        return self._row

    def close(self) -> None:
        pass


@dataclass
class Scene:
    """A watcher and what it can reach."""

    connect: AnsweringConnect
    registry: bool = True
    database: bool = True
    metrics: CaptureMetrics = field(default_factory=lambda: CaptureMetrics("people"))

    def open_database(self) -> Connection:
        if not self.database:
            raise StoreUnavailableError("PostgreSQL does not answer: refused")
        return cast(Connection, Database())

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"connector": "people", **labels})

    def state(self, name: str) -> str:
        for state in ("RUNNING", "FAILED", "MISSING", "UNKNOWN"):
            if self.metric(name, **{name: state}):
                return state
        raise AssertionError(name)


Look = Callable[[str | None], list[str]]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with running_connect() as running:
        yield Scene(running)


@pytest.fixture
def look(scene: Scene) -> Iterator[Look]:
    """Lets the watcher look once, with this state of the task; None: no connector."""
    with ConnectClient(scene.connect.url, busy_s=0) as client:
        watcher = ConnectorMonitor(
            CAPTURE,
            client,
            open_database=scene.open_database,
            registry_answers=lambda: scene.registry,
            metrics=scene.metrics,
            policy=RestartPolicy(limit=2, first_s=0),
        )

        def once(state: str | None) -> list[str]:
            scene.connect.answers = [_answer(state), (204, b"")]
            with capture_logs() as logs:
                watcher.look()
            return [line["event"] for line in logs]

        yield once


def _answer(state: str | None) -> tuple[int, Any]:
    match state:
        case None:
            return 404, {"message": "none"}
        case "away":
            return 500, {"message": "not yet"}
        case _:
            part = {"state": "RUNNING", "worker_id": "w"}
            task = {"id": 0, "state": state, "worker_id": "w"}
            told = task | ({"trace": TRACE} if state == "FAILED" else {})
            return 200, {"connector": part, "tasks": [told]}


def test_a_running_task_is_left_alone(scene: Scene, look: Look) -> None:
    assert look("RUNNING") == []
    assert RESTART not in scene.connect.asked
    assert (scene.state(CONNECTOR_STATE), scene.state(TASK_STATE)) == ("RUNNING", "RUNNING")
    assert scene.metric(SLOT_LAG) == 7


def test_a_failed_task_is_restarted_and_then_given_up(scene: Scene, look: Look) -> None:
    assert look("FAILED") == ["the connector failed", "restarted"]
    assert look("FAILED") == ["restarted"]
    assert scene.metric(GAVE_UP) == 0
    assert look("FAILED") == ["gave up"]
    assert look("FAILED") == []
    assert scene.connect.asked.count(RESTART) == scene.metric(RESTARTS) == 2
    assert (scene.state(TASK_STATE), scene.metric(GAVE_UP)) == ("FAILED", 1)
    assert look("RUNNING") == ["no longer"]
    assert scene.metric(GAVE_UP) == 0


@pytest.mark.parametrize("away", ["registry", "database"])
def test_no_try_is_lost_on_a_server_that_is_away(scene: Scene, look: Look, away: str) -> None:
    setattr(scene, away, False)
    for _ in range(5):
        look("FAILED")
    assert RESTART not in scene.connect.asked
    assert scene.metric(GAVE_UP) == 0
    setattr(scene, away, True)
    assert "restarted" in look("FAILED")
    assert scene.connect.asked.count(RESTART) == 1


def test_what_is_away_is_said_once_and_shown(scene: Scene, look: Look) -> None:
    scene.database = False
    assert look("away") == ["waiting for PostgreSQL", "waiting for Kafka Connect"]
    assert look("away") == []
    assert scene.state(CONNECTOR_STATE) == "UNKNOWN"
    assert scene.metric(SLOT_LAG) != scene.metric(SLOT_LAG)  # NaN
    scene.database = True
    assert look("RUNNING") == ["no longer", "no longer"]


def test_no_connector_is_made(scene: Scene, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(None) == []
    monkeypatch.setattr("streams.accounts.connector_monitor._MISSING_S", -1)
    assert look(None) == ["there is no connector"]
    assert look(None) == []
    assert {method for method, _, _ in scene.connect.asked} == {"GET"}
    assert scene.state(CONNECTOR_STATE) == "MISSING"
