"""Bytes that a release wrote still mean the same events.

A release adds a folder to avro/released and one here; neither is ever changed afterwards.
"""

import json
from pathlib import Path

import pytest

from streams.contracts.catalog import released, topic_of
from streams.contracts.codec import decode
from streams.contracts.events import EVENT_TYPES
from streams.contracts.json_codec import from_json, to_json
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.contracts.schema_resolution import writer_of
from streams.record import Record

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = sorted(GOLDEN.glob("*/*.json"))


def test_every_release_has_bytes_of_every_record_type() -> None:
    found = {(path.parent.name, path.stem) for path in FILES}
    assert found == {(name, record) for name, types in released().items() for record in types}
    assert set(EVENT_TYPES) <= set(released()["0.2.0"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_released_bytes_still_decode(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    schema = json.dumps(released()[path.parent.name][path.stem])
    topic = topic_of(path.stem).name
    value = bytes.fromhex(golden["value_hex"])
    batch, rejected = decode(
        Records.of([Record(topic, 0, 0, 0, b"", value)]), topic, {1: schema}.get
    )
    assert not rejected
    [(_, event)] = events(batch)
    assert event == from_json(golden["event"])
    assert to_json(event) == golden["event"]


@pytest.mark.parametrize("record_type", EVENT_TYPES)
def test_our_own_schemas_are_decoded_in_columns(record_type: str) -> None:
    assert writer_of(json.dumps(released()["0.2.0"][record_type])).columnar
