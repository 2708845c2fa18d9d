"""For how long a schema that the registry does not have is taken to be missing."""

import json
import time
from collections.abc import Iterator

import pytest

from streams.kafka.schema_registry import SchemaRegistry
from tests.support.connect_server import AnsweringConnect, running_connect

MISSING = (404, {"error_code": 40403, "message": "Schema not found"})
TEXT = json.dumps({"type": "record", "name": "Late", "fields": []})
FOUND = (200, {"schema": TEXT, "schemaType": "AVRO"})
_AGAIN_S = 30.0


class Clock:
    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[AnsweringConnect]:
    """Answers requests one given answer after the other, as any HTTP server may."""
    with running_connect() as running:
        yield running


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def test_missing_schema_is_requested_again_after_half_a_minute(
    server: AnsweringConnect, clock: Clock
) -> None:
    registry = SchemaRegistry(server.url)
    server.answers = [MISSING, FOUND]
    assert registry.schema_text(7) is None
    clock.now += _AGAIN_S - 1
    assert registry.schema_text(7) is None
    assert len(server.asked) == 1, "each record of the schema would cost a request"
    clock.now += 2
    assert registry.schema_text(7) == TEXT


def test_known_schema_is_requested_once(server: AnsweringConnect, clock: Clock) -> None:
    registry = SchemaRegistry(server.url)
    server.answers = [FOUND]
    assert registry.schema_text(7) == TEXT
    clock.now += 1_000_000
    assert registry.schema_text(7) == TEXT


def test_one_missing_schema_says_nothing_about_another(
    server: AnsweringConnect, clock: Clock
) -> None:
    registry = SchemaRegistry(server.url)
    server.answers = [MISSING, FOUND]
    assert registry.schema_text(7) is None
    assert registry.schema_text(8) == TEXT
