"""Counting the account changes that the lake refused or could not keep whole."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from streams.app.lake.refused_changes import refused_changes
from streams.app.settings import Settings
from streams.contracts.arrow import arrow_schema
from streams.contracts.bronze import USERS_TOPIC, bronze_table, lake_tables
from streams.contracts.cdc import read_changes
from streams.record import Record
from streams.sinks.delta.landing import Landing
from streams.sinks.delta.table import create_tables
from tests.support.messages import produces, shown
from tests.unit.contracts.test_cdc_changes import KEY, ROW, avro, envelope, lookup

AT = 1_767_225_600_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, lake=tmp_path / "lake")


def land(settings: Settings, *records: Record) -> None:
    """Through the reader, as the lake agent does."""
    create_tables(settings.lake_path, lake_tables())
    changes = read_changes(records, lookup)
    landing = Landing(settings.lake_path, USERS_TOPIC)
    landing.quarantine(changes.rejected)
    landing.land(changes.rows)


def record(offset: int, value: bytes, key: bytes | None = KEY) -> Record:
    return Record(USERS_TOPIC, 2, offset, AT + offset * 1000, key, value, ())


GOOD = avro(2, envelope("c", None, ROW))
DEGRADED = avro(2, envelope("u", ROW, ROW | {"created_at": "infinity"}))


def test_without_a_lake_nothing_is_known(settings: Settings) -> None:
    assert refused_changes(settings) is None


def test_the_newest_reason_is_told_with_the_count(settings: Settings) -> None:
    land(settings, record(0, GOOD), record(1, b"{}"), record(2, GOOD[:-9]), record(3, DEGRADED))
    found = refused_changes(settings)
    assert found is not None
    assert (found.refused, found.degraded) == (2, 1)
    assert found.last is not None
    assert (found.last.partition, found.last.offset, found.last.code) == (2, 2, "decode_error")
    assert found.last.append_time.timestamp() * 1000 == AT + 2000
    assert found.last_degraded is not None
    assert found.last_degraded.startswith("created_at is no time")


def test_what_other_topics_refused_is_not_counted(settings: Settings) -> None:
    create_tables(settings.lake_path, lake_tables())
    other = read_changes([Record("social.posts.v1", 0, 0, AT, None, b"{}", ())], lookup)
    Landing(settings.lake_path, "social.posts.v1").quarantine(other.rejected)
    found = refused_changes(settings)
    assert found is not None
    assert (found.refused, found.last, found.degraded) == (0, None, 0)


def test_a_lake_of_an_earlier_release_is_counted_and_brought_up_to_date(
    settings: Settings,
) -> None:
    """Its change log has no column for what was degraded, its quarantine none for what was read."""
    for table, column in ((bronze_table(USERS_TOPIC), "degraded"), (lake_tables()[-1], "change")):
        schema = arrow_schema(table)
        old = schema.remove(schema.get_field_index(column))
        write_deltalake(settings.lake_path / table.name, pa.Table.from_pylist([], schema=old))
    found = refused_changes(settings)
    assert found is not None
    assert (found.refused, found.degraded) == (0, 0)
    land(settings, record(1, b"{}"), record(3, DEGRADED))
    found = refused_changes(settings)
    assert found is not None
    assert (found.refused, found.degraded) == (1, 1)
    quarantine = DeltaTable(settings.lake_path / "quarantine").to_pyarrow_table()
    assert quarantine["change"].to_pylist()[0]["user_id"] == 7


def test_the_refused_keep_key_marker_and_position(settings: Settings) -> None:
    marked = envelope("r", None, ROW, snapshot="last")
    land(settings, record(1, avro(2, marked), avro(1, {"user_id": 8})))
    (row,) = DeltaTable(settings.lake_path / "quarantine").to_pyarrow_table().to_pylist()
    change = row["change"]
    assert (change["user_id"], change["op"]) == (None, "r")
    assert (change["lsn"], change["snapshot"]) == (4711, "last")


@produces("refused changes")
def test_the_commands_show_them(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    from streams.cli.common.output import print_table
    from streams.cli.lake.refused_output import print_refused, refused_json, refused_rows

    land(settings, record(1, b"{}"), record(3, DEGRADED))
    found = refused_changes(settings)
    told: Any = refused_json(found)
    assert json.loads(json.dumps(told)) == told
    assert (told["count"], told["degraded"], told["last_code"]) == (1, 1, "bad_frame")
    assert told["last_position"] == "2:1"
    assert told["last_time"].startswith("2026-01-01T00:00:01")
    print_refused(found)
    assert "bad_frame" in capsys.readouterr().out
    print_table(("change stream", "c"), refused_rows(found))
    printed = shown(capsys.readouterr().out)
    cells = [line.replace("│", " ").split() for line in printed.splitlines()]
    assert ["refused", "changes", "1"] in cells
    assert refused_json(None) is None
