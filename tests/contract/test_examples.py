"""Every example in avro/examples is read, or refused for the reason it gives."""

import json
from pathlib import Path
from typing import Any

import pytest

from streams.contracts.catalog import avro_dir, key_of, schemas, topic_of
from streams.contracts.codec import encode
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import EVENT_TYPES
from streams.contracts.ids import SnowflakeGenerator
from streams.contracts.json_codec import JsonFormError, from_json
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.contracts.times import parse_time
from streams.record import Record

SCHEMA_ID = 7
EXAMPLES = sorted((avro_dir() / "examples").glob("*/*.json"))
GOOD = [path for path in EXAMPLES if path.name.startswith("good-")]
BAD = [path for path in EXAMPLES if path.name.startswith("bad-")]


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def lookup_of(record_type: str) -> Any:
    return {SCHEMA_ID: json.dumps(schemas()[record_type])}.get


def test_every_record_type_has_good_and_bad_examples() -> None:
    assert {path.parent.name for path in GOOD} == set(EVENT_TYPES)
    assert {path.parent.name for path in BAD} == set(EVENT_TYPES)
    assert len(GOOD) + len(BAD) == len(EXAMPLES)


@pytest.mark.parametrize("path", GOOD, ids=name_of)
def test_a_good_example_goes_through(path: Path) -> None:
    record_type = path.parent.name
    event = from_json(load(path), SnowflakeGenerator(1))
    assert type(event).__name__ == record_type
    topic = topic_of(record_type)
    key = key_of(record_type, {topic.key: getattr(event, topic.key)})
    record = Record(topic.name, 0, 0, event.occurred_at, key, encode(event, SCHEMA_ID))
    batch, rejected = decode_and_validate(Records.of([record]), topic.name, lookup_of(record_type))
    assert not rejected
    assert [found for _, found in events(batch)] == [event]


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_a_bad_example_is_refused_for_its_reason(path: Path) -> None:
    example, record_type = load(path), path.parent.name
    if example["code"] == "malformed":
        with pytest.raises(JsonFormError) as refused:
            from_json(example["event"])
        assert example["why"] in str(refused.value)
        return
    record = _record(example, record_type)
    batch, [rejected] = decode_and_validate(
        Records.of([record]), record.topic, lookup_of(record_type)
    )
    assert not batch.columns
    assert rejected.code == example["code"]
    assert example["why"] in rejected.message


def _record(example: dict[str, Any], record_type: str) -> Record:
    spec = topic_of(record_type)
    topic = example.get("topic", spec.name)
    if "value_hex" in example:
        value = example["value_hex"]
        return Record(topic, 0, 0, 0, b"2", None if value is None else bytes.fromhex(value))
    event = from_json(example["event"])
    key = example.get("key", str(getattr(event, spec.key))).encode()
    append_time = event.occurred_at
    if "append_time" in example:
        append_time = parse_time(example["append_time"])
    return Record(topic, 0, 0, append_time, key, encode(event, SCHEMA_ID))
