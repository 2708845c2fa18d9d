"""Where a change's time comes from, and whose row a change is."""

from datetime import UTC, datetime
from typing import Any

import fastavro
import pytest

from streams.contracts.cdc import read_changes
from tests.unit.contracts.test_cdc_changes import (
    AT,
    KEY,
    ROW,
    SCHEMAS,
    avro,
    code,
    envelope,
    envelope_schema,
    lookup,
    one,
    record,
)

OTHER = ROW | {"user_id": 8, "handle": "bob"}
OLD_DEBEZIUM = 90


@pytest.fixture
def _old_debezium(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema whose source has no `ts_us`, as Debezium before 2.6 registers it."""
    schema: dict[str, Any] = envelope_schema()
    (source,) = [field for field in schema["fields"] if field["name"] == "source"]
    source["type"]["fields"] = [f for f in source["type"]["fields"] if f["name"] != "ts_us"]
    fastavro.parse_schema(schema)
    monkeypatch.setitem(SCHEMAS, OLD_DEBEZIUM, schema)


@pytest.mark.usefixtures("_old_debezium")
def test_commit_time_without_microseconds_is_that_of_the_milliseconds() -> None:
    change = envelope("c", None, ROW)
    del change["source"]["ts_us"]
    row = one(avro(OLD_DEBEZIUM, change))
    assert row["committed_at"] == datetime.fromtimestamp(AT // 1000, UTC).replace(
        microsecond=AT % 1000 * 1000
    )


def test_commit_time_that_is_null_is_that_of_the_milliseconds() -> None:
    row = one(avro(2, envelope("c", None, ROW, ts_us=None)))
    assert row["committed_at"].timestamp() * 1000 == AT


def test_delete_whose_old_row_is_another_user_is_refused() -> None:
    assert code(avro(2, envelope("d", OTHER))) == "invalid_event"


def test_update_to_another_user_than_the_key_names_is_refused() -> None:
    assert code(avro(2, envelope("u", ROW, OTHER))) == "invalid_event"
    assert one(avro(2, envelope("u", OTHER, ROW)))["after"]["user_id"] == 7


def test_delete_without_the_old_row_names_its_user_by_the_key() -> None:
    row = one(avro(2, envelope("d")))
    assert (row["op"], row["user_id"], row["before"]) == ("d", 7, None)


def test_positions_of_changes_are_their_own() -> None:
    records = [record(avro(2, envelope("c", None, ROW)), KEY, offset=n) for n in (4, 6, 5)]
    rows = read_changes(records, lookup).rows
    assert rows["kafka_offset"].to_pylist() == [4, 6, 5]
