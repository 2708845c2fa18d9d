"""The REST client against an HTTP server that answers as it is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from streams.accounts.connect_client import (
    ConnectBusyError,
    ConnectClient,
    ConnectorState,
    ConnectRefusedError,
    ConnectUnavailableError,
)
from tests.support.connect_server import AnsweringConnect, running_connect
from tests.support.local_stack import free_ports
from tests.support.messages import produces


@pytest.fixture
def connect() -> Iterator[AnsweringConnect]:
    with running_connect() as running:
        yield running


@pytest.fixture
def client(connect: AnsweringConnect) -> Iterator[ConnectClient]:
    with ConnectClient(connect.url, busy_s=5) as opened:
        yield opened


def test_a_connector_that_is_configured_so_is_not_touched(
    connect: AnsweringConnect, client: ConnectClient
) -> None:
    connect.answers = [(200, {"a": "1", "name": "n"})]
    assert not client.put("n", {"a": "1"})
    assert [method for method, _, _ in connect.asked] == ["GET"]


@pytest.mark.parametrize("before", [(404, {"message": "none"}), (200, {"a": "2", "name": "n"})])
def test_a_missing_or_different_one_is_put(
    connect: AnsweringConnect, client: ConnectClient, before: tuple[int, Any]
) -> None:
    connect.answers = [before, (201, {})]
    assert client.put("n", {"a": "1"})
    assert connect.asked[1] == ("PUT", "/connectors/n/config", {"a": "1", "name": "n"})


def test_states_and_the_trace_of_a_failure(
    connect: AnsweringConnect, client: ConnectClient
) -> None:
    told = {
        "connector": {"state": "RUNNING", "worker_id": "w"},
        "tasks": [
            {"id": 0, "state": "RUNNING", "worker_id": "w"},
            {"id": 1, "state": "FAILED", "worker_id": "w", "trace": "why"},
        ],
    }
    connect.answers = [(200, told)]
    found = client.status("n")
    assert found is not None
    assert [task.state for task in found.tasks] == [ConnectorState.RUNNING, ConnectorState.FAILED]
    assert (found.failed, found.running, found.trace) == (True, False, "why")


def test_a_connector_without_a_task_does_not_run(
    connect: AnsweringConnect, client: ConnectClient
) -> None:
    connect.answers = [(200, {"connector": {"state": "RUNNING", "worker_id": "w"}, "tasks": []})]
    found = client.status("n")
    assert found is not None
    assert not found.running


def test_a_state_of_a_newer_connect_is_unknown(
    connect: AnsweringConnect, client: ConnectClient
) -> None:
    part = {"state": "DREAMING", "worker_id": "w"}
    connect.answers = [(200, {"connector": part, "tasks": []})]
    found = client.status("n")
    assert found is not None
    assert found.connector.state is ConnectorState.UNKNOWN


def test_there_is_no_such_connector(connect: AnsweringConnect, client: ConnectClient) -> None:
    connect.answers = [(404, {"message": "none"})] * 3
    assert client.status("n") is None
    assert client.config("n") is None
    client.delete("n")


def test_what_connect_is_too_busy_for_is_asked_again(
    connect: AnsweringConnect, client: ConnectClient
) -> None:
    connect.answers = [(409, {"message": "rebalance"}), (409, {"message": "rebalance"}), (204, b"")]
    client.restart("n", only_failed=True)
    path = "/connectors/n/restart?includeTasks=true&onlyFailed=true"
    assert connect.asked == [("POST", path, None)] * 3


@produces("Kafka Connect at … is busy: …")
def test_who_stays_busy_is_told(connect: AnsweringConnect) -> None:
    connect.answers = [(409, {"message": "rebalance in progress"})] * 5
    with (
        ConnectClient(connect.url, busy_s=0) as client,
        pytest.raises(ConnectBusyError, match="rebalance in progress"),
    ):
        client.restart("n")


@produces("Kafka Connect refused: …")
def test_a_wrong_configuration_is_told_in_connects_words(
    connect: AnsweringConnect, client: ConnectClient
) -> None:
    connect.answers = [(404, {}), (400, {"message": "invalid:\nbad password\n  see log"})]
    with pytest.raises(ConnectRefusedError, match="refused: invalid: bad password see log"):
        client.put("n", {})


@pytest.mark.parametrize("answer", [(500, {"message": "oops"}), (502, b"<html>a proxy</html>")])
def test_an_error_of_the_server_is_no_answer(
    connect: AnsweringConnect, client: ConnectClient, answer: tuple[int, Any]
) -> None:
    connect.answers = [answer]
    with pytest.raises(ConnectUnavailableError, match=r"does not answer: .*(oops|a proxy)"):
        client.status("n")


@produces("Kafka Connect … does not answer")
def test_nobody_there() -> None:
    (port,) = free_ports(1)
    with (
        ConnectClient(f"http://127.0.0.1:{port}") as client,
        pytest.raises(ConnectUnavailableError, match="does not answer") as raised,
    ):
        client.status("n")
    assert raised.value.hint is not None
    assert "storyline up" in raised.value.hint
