"""`storyline cdc status` while one of its two servers is silent."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from streams.accounts import stream
from streams.accounts.slot import SlotStatus
from streams.accounts.stream import StreamStatus
from streams.app.accounts import change_stream
from streams.app.settings import Settings
from streams.cli.accounts.cdc import _as_json, _rows
from streams.errors import UserError
from tests.support.connect_server import running_connect
from tests.support.messages import produces

RUNNING = {
    "connector": {"state": "RUNNING", "worker_id": "w"},
    "tasks": [{"id": 0, "state": "RUNNING", "worker_id": "w"}],
}


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that accepts connections and never says anything, like a stopped process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def with_ports(**ports: int) -> Settings:
    settings = Settings()
    return settings.model_copy(update={"ports": settings.ports.model_copy(update=ports)})


def test_a_silent_database_takes_nothing_from_what_connect_says() -> None:
    with running_connect() as connect, silent_server() as postgres:
        connect.answers = [(200, RUNNING)]
        settings = with_ports(connect=int(connect.url.rpartition(":")[2]), postgres=postgres)
        began = time.monotonic()
        found = change_stream.stream_status(settings, within_s=2)
        assert time.monotonic() - began < 12
    assert found.connector is not None
    assert found.connector.running
    assert not found.flows
    shown = _as_json("c", found)
    assert (shown["state"], shown["slot"]) == ("RUNNING", None)
    assert "no answer within 2 s" in shown["database_error"]
    rows = dict(_rows(shown))
    assert rows["connector"] == "RUNNING"
    assert rows["slot"].startswith("does not answer")
    assert "heartbeat" not in rows


def test_a_silent_connect_takes_nothing_from_what_the_database_says() -> None:
    slot = SlotStatus(active=True, lost=False, lag_bytes=1, wal_kept_bytes=2)
    found = StreamStatus(None, slot, 1.5, connect_error="does not answer")
    shown = _as_json("c", found)
    assert (shown["state"], shown["advice"], shown["flows"]) == ("UNKNOWN", None, False)
    rows = dict(_rows(shown))
    assert (rows["connector"], rows["tasks"]) == ("does not answer", "unknown")
    assert (rows["slot"], rows["heartbeat"]) == ("active", "1.5 s ago")


def test_a_connector_that_is_missing_is_not_one_that_is_silent() -> None:
    shown = _as_json("c", StreamStatus(None, None, None))
    assert (shown["state"], shown["connect_error"]) == ("MISSING", None)
    assert shown["advice"] == "make it with: storyline cdc apply"


@produces("Kafka Connect: …; PostgreSQL: …")
def test_both_silent_is_an_error_that_names_both() -> None:
    with silent_server() as connect, silent_server() as postgres:
        settings = with_ports(connect=connect, postgres=postgres)
        with pytest.raises(UserError, match=r"Kafka Connect: .*; PostgreSQL: .*"):
            change_stream.stream_status(settings, within_s=0.3)


@produces("PostgreSQL removed what the slot … had still to deliver")
def test_slot_that_postgresql_gave_up_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = SlotStatus(active=False, lost=True, lag_bytes=None, wal_kept_bytes=None)
    monkeypatch.setattr(stream, "slot_status", lambda *_: lost)
    captured, unused = change_stream.capture(Settings()), cast("Any", None)
    with pytest.raises(UserError, match="removed what the slot") as refused:
        stream.ChangeStream(captured, unused, unused).apply(within_s=0)
    assert "storyline cdc drop" in str(refused.value.hint)
