"""What is read of Debezium's envelopes, and what is refused."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import fastavro
import pytest

from streams.contracts.cdc import Changes, read_changes
from streams.contracts.codec import RegistryUnavailableError
from streams.contracts.tables import DEBEZIUM_UNAVAILABLE, UNAVAILABLE, USER
from streams.record import Record

TOPIC = "accounts.public.users"
AT = 1_767_225_600_123
COLUMNS: dict[str, Any] = {
    "user_id": "long",
    "handle": "string",
    "display_name": "string",
    "country": "string",
    "is_private": {"type": "boolean", "connect.default": False},
    "account_type": "string",
    "verified": "boolean",
    "audience_tier": "string",
    "follower_count": "long",
    "created_at": {"type": "string", "connect.name": "io.debezium.time.ZonedTimestamp"},
    "updated_at": {"type": "string", "connect.name": "io.debezium.time.ZonedTimestamp"},
}
ROW: dict[str, Any] = {
    "user_id": 7,
    "handle": "ann",
    "display_name": "Ann",
    "country": "SE",
    "is_private": False,
    "account_type": "creator",
    "verified": True,
    "audience_tier": "regular",
    "follower_count": 12,
    "created_at": "2026-01-02T03:04:05.123456Z",
    "updated_at": "2026-01-02T03:04:05Z",
}
KEY_SCHEMA = {
    "type": "record",
    "name": "Key",
    "namespace": TOPIC,
    "fields": [{"name": "user_id", "type": "long"}],
}


def envelope_schema(columns: Mapping[str, Any] = COLUMNS) -> dict[str, Any]:
    def optional(kind: Any) -> dict[str, Any]:
        return {"type": ["null", kind], "default": None}

    row = {
        "type": "record",
        "name": "Value",
        "fields": [{"name": name, "type": kind} for name, kind in columns.items()],
    }
    source = {
        "type": "record",
        "name": "Source",
        "namespace": "io.debezium.connector.postgresql",
        "fields": [
            {"name": "version", "type": "string"},
            {"name": "ts_ms", "type": "long"},
            {"name": "snapshot", "default": None, "type": ["null", "string"]},
            {"name": "txId", **optional("long")},
            {"name": "lsn", **optional("long")},
            {"name": "ts_us", **optional("long")},
        ],
    }
    block = {
        "type": "record",
        "name": "block",
        "namespace": "event",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "total_order", "type": "long"},
            {"name": "data_collection_order", "type": "long"},
        ],
    }
    return {
        "type": "record",
        "name": "Envelope",
        "namespace": TOPIC,
        "fields": [
            {"name": "before", **optional(row)},
            {"name": "after", **optional("Value")},
            {"name": "source", "type": source},
            {"name": "transaction", **optional(block)},
            {"name": "op", "type": "string"},
            {"name": "ts_ms", **optional("long")},
        ],
    }


SCHEMAS: dict[int, Any] = {
    1: KEY_SCHEMA,
    2: envelope_schema(),
    3: envelope_schema({**COLUMNS, "bio": ["null", "string"]}),
    4: envelope_schema({name: kind for name, kind in COLUMNS.items() if name != "verified"}),
    5: {"type": "record", "name": "Other", "fields": [{"name": "op", "type": "string"}]},
    6: envelope_schema({**COLUMNS, "country": "int"}),
    7: "string",
}


def lookup(schema_id: int) -> str | None:
    return json.dumps(SCHEMAS[schema_id]) if schema_id in SCHEMAS else None


def avro(schema_id: int, fields: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMAS[schema_id]), fields)
    return b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()


def envelope(op: str, before: Any = None, after: Any = None, **source: Any) -> dict[str, Any]:
    told = {"version": "3.7.0.Final", "ts_ms": AT, "ts_us": AT * 1000 + 7, "snapshot": "false"}
    return {
        "before": before,
        "after": after,
        "source": told | {"txId": 91, "lsn": 4711} | source,
        "transaction": {"id": "91:4711", "total_order": 2, "data_collection_order": 1},
        "op": op,
        "ts_ms": AT + 50,
    }


KEY = avro(1, {"user_id": 7})


def record(
    value: bytes | None,
    key: bytes | None = KEY,
    headers: tuple[tuple[str, bytes], ...] = (),
    offset: int = 0,
) -> Record:
    return Record(TOPIC, 3, offset, AT + 99, key, value, headers)


def one(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """The row of a record that is not refused."""
    changes = read_changes([record(*args, **kwargs)], lookup)
    assert changes.rejected == []
    (row,) = changes.rows.to_pylist()
    found: dict[str, Any] = row
    return found


def code(*args: Any, **kwargs: Any) -> str:
    """Why a record is refused."""
    changes = read_changes([record(*args, **kwargs)], lookup)
    assert len(changes.rows) == 0
    (rejected,) = changes.rejected
    return str(rejected.code)


CREATED = datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)
USER_ROW = ROW | {"created_at": CREATED, "updated_at": CREATED.replace(microsecond=0)}


def test_an_update_is_read_whole() -> None:
    moved = ROW | {"country": "DE"}
    assert one(avro(2, envelope("u", ROW, moved)), offset=5) == {
        "op": "u",
        "user_id": 7,
        "before": USER_ROW,
        "after": USER_ROW | {"country": "DE"},
        "new_key": None,
        "old_key": None,
        "lsn": 4711,
        "tx_id": 91,
        "tx_order": 2,
        "committed_at": datetime.fromtimestamp(AT // 1000, UTC).replace(microsecond=123007),
        "snapshot": "false",
        "degraded": None,
        "schema_id": 2,
        "kafka_partition": 3,
        "kafka_offset": 5,
        "append_time": datetime.fromtimestamp(AT // 1000, UTC).replace(microsecond=222000),
        "append_date": datetime.fromtimestamp(AT // 1000, UTC).date(),
    }
    assert list(USER_ROW) == [column.name for column in USER]


def test_creates_deletes_and_snapshots() -> None:
    created = one(avro(2, envelope("c", None, ROW)))
    assert (created["op"], created["before"], created["after"]) == ("c", None, USER_ROW)
    deleted = one(avro(2, envelope("d", ROW)))
    assert (deleted["op"], deleted["before"], deleted["after"]) == ("d", USER_ROW, None)
    read = envelope("r", None, ROW, snapshot="last") | {"transaction": None}
    snapshot = one(avro(2, read))
    assert (snapshot["op"], snapshot["snapshot"], snapshot["tx_order"]) == ("r", "last", None)


def test_a_tombstone_keeps_only_key_and_position() -> None:
    row = one(None)
    assert (row["op"], row["user_id"], row["kafka_partition"]) == ("tombstone", 7, 3)
    filled = {name for name, value in row.items() if value is not None}
    assert filled == {
        "op",
        "user_id",
        "kafka_partition",
        "kafka_offset",
        "append_time",
        "append_date",
    }


def test_a_truncate_has_no_key() -> None:
    row = one(avro(2, envelope("t")), key=None)
    assert (row["op"], row["user_id"], row["after"], row["lsn"]) == ("t", None, None, 4711)


def test_a_changed_key_is_told_by_headers() -> None:
    new = (("__debezium.newkey", b'{"user_id":9}'),)
    assert one(avro(2, envelope("d", ROW)), headers=new)["new_key"] == 9
    old = (("other", b"\xff"), ("__debezium.oldkey", b'{"schema":{},"payload":{"user_id":7}}'))
    created = one(avro(2, envelope("c", None, ROW)), headers=old)
    assert (created["old_key"], created["new_key"]) == (7, None)


def test_an_added_column_is_left_out_and_told() -> None:
    with_bio = ROW | {"bio": "hello"}
    changes = read_changes(
        [record(avro(2, envelope("c", None, ROW))), record(avro(3, envelope("u", ROW, ROW)))],
        lookup,
    )
    assert changes.unknown_columns == {"bio"}
    assert one(avro(3, envelope("c", None, with_bio)))["after"] == USER_ROW


def test_a_dropped_column_is_null() -> None:
    assert one(avro(4, envelope("c", None, ROW)))["after"] == USER_ROW | {"verified": None}


@pytest.mark.parametrize("placeholder", [UNAVAILABLE, DEBEZIUM_UNAVAILABLE])
def test_what_postgresql_did_not_send_keeps_its_placeholder(placeholder: str) -> None:
    after = ROW | {"display_name": placeholder}
    row = one(avro(2, envelope("u", None, after)))
    assert row["after"]["display_name"] == placeholder


GOOD = avro(2, envelope("c", None, ROW))
OTHER_KEY = avro(1, {"user_id": 8})
NOW = datetime.fromtimestamp(AT // 1000, UTC).replace(microsecond=123007)


def told(op: str | None, user_id: int | None, **more: Any) -> dict[str, Any]:
    """What a refused change with a readable envelope still says."""
    return {
        "user_id": user_id,
        "op": op,
        "lsn": 4711,
        "snapshot": "false",
        "committed_at": NOW,
    } | more


NO_ENVELOPE: Any = {"user_id": 7}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (GOOD[:4], "the value is too short: it is not in Confluent's wire format"),
        (
            b"\x01" + GOOD[1:],
            "the value starts with byte 0x01: it is not in Confluent's wire format",
        ),
        (GOOD[:5], None),
    ],
)
def test_value_without_frame_says_what_it_begins_with(value: bytes, message: str | None) -> None:
    (rejected,) = read_changes([record(value)], lookup).rejected
    assert (rejected.error == "BadFrameError") == (message is not None)
    assert message in (None, rejected.message)


@pytest.mark.parametrize(
    ("expected", "value", "key", "change"),
    [
        ("bad_frame", b"{}", KEY, NO_ENVELOPE),
        ("bad_frame", b"\x01" + GOOD[1:], KEY, NO_ENVELOPE),
        ("bad_frame", b"{}", b"7", {"user_id": None}),
        ("bad_frame", None, b"7", {"user_id": None}),
        ("bad_frame", None, None, {"user_id": None}),
        ("unknown_schema", b"\0\0\0\0\x63" + GOOD[5:], KEY, NO_ENVELOPE),
        ("decode_error", GOOD[:-20], KEY, NO_ENVELOPE),
        ("decode_error", GOOD + b"\0", KEY, NO_ENVELOPE),
        ("unknown_type", avro(5, {"op": "c"}), KEY, NO_ENVELOPE),
        ("unknown_type", avro(7, "text"), KEY, NO_ENVELOPE),
        ("unknown_type", avro(2, envelope("z", None, ROW)), KEY, told("z", 7)),
        ("invalid_event", GOOD, OTHER_KEY, told("c", None)),
        ("invalid_event", avro(2, envelope("u", ROW, None)), KEY, told("u", 7)),
        ("invalid_event", avro(2, envelope("u", ROW, None)), None, told("u", None)),
        ("invalid_event", avro(2, envelope("d", None, None)), None, told("d", None)),
        ("bad_frame", avro(2, envelope("d", None, None)), b"7", told("d", None)),
        (
            "invalid_event",
            avro(2, envelope("r", None, ROW, snapshot="last")),
            OTHER_KEY,
            told("r", None, snapshot="last"),
        ),
        (
            "decode_error",
            avro(2, envelope("c", None, ROW, lsn=None)),
            KEY,
            told("c", 7, lsn=None),
        ),
    ],
)
def test_a_bad_record_is_refused_alone_and_keeps_what_it_says(
    expected: str, value: bytes, key: bytes, change: dict[str, Any]
) -> None:
    assert code(value, key) == expected
    changes: Changes = read_changes(
        [record(GOOD, offset=0), record(value, key, offset=1), record(GOOD, offset=2)], lookup
    )
    assert changes.rows["kafka_offset"].to_pylist() == [0, 2]
    assert [rejected.record.offset for rejected in changes.rejected] == [1]
    assert changes.rejected[0].change == change


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"created_at": "infinity"}, "created_at is no time"),
        ({"created_at": "-infinity"}, "created_at is no time"),
        ({"updated_at": "-0043-03-15T12:00:00.000000Z"}, "updated_at is no time"),
        ({"updated_at": "+20000-01-01T00:00:00.000000Z"}, "updated_at is no time"),
        ({"created_at": "0001-01-01T00:00:00+01:00"}, "created_at is no time"),
        ({"created_at": "2026-01-02T03:04:05"}, "created_at is no time"),
    ],
)
def test_a_time_that_no_table_holds_is_null_and_noted(changed: dict[str, str], note: str) -> None:
    row = one(avro(2, envelope("u", ROW | changed, ROW | changed)))
    nulls = dict.fromkeys(changed)
    assert (row["after"], row["before"]) == (USER_ROW | nulls, USER_ROW | nulls)
    assert row["degraded"].startswith(note)
    assert ";" not in row["degraded"], "the row before is not judged"


def test_the_last_and_the_first_instant_are_kept() -> None:
    ends = {
        "created_at": "0001-01-01T00:00:00.000000Z",
        "updated_at": "9999-12-31T23:59:59.999999Z",
    }
    row = one(avro(2, envelope("c", None, ROW | ends)))
    assert row["degraded"] is None
    assert row["after"]["created_at"] == datetime(1, 1, 1, tzinfo=UTC)
    assert row["after"]["updated_at"] == datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def test_the_change_that_repairs_an_account_and_its_deletion_are_read() -> None:
    """The row before them holds what no table can, and is not what they are about."""
    bad = ROW | {"created_at": "infinity", "user_id": 0}
    for op, after in (("u", ROW), ("d", None)):
        row = one(avro(2, envelope(op, bad, after)))
        assert (row["op"], row["user_id"], row["degraded"]) == (op, 7, None)
        assert row["after"] == (after and USER_ROW)


def test_a_column_of_another_type_is_null_and_noted() -> None:
    row = one(avro(6, envelope("c", None, ROW | {"country": 5})))
    assert row["after"] == USER_ROW | {"country": None}
    assert row["degraded"] == "country is int, not STRING"


def test_a_change_whose_key_cannot_be_read_is_keyed_by_its_row() -> None:
    for key in (None, b"7", b"\0\0\0\0\x63\x0e", avro(5, {"op": "c"})):
        assert one(GOOD, key)["user_id"] == 7
        assert one(avro(2, envelope("d", ROW)), key)["user_id"] == 7


def test_a_commit_time_out_of_range_gives_way_to_the_brokers() -> None:
    row = one(avro(2, envelope("c", None, ROW, ts_us=1 << 62)))
    assert row["committed_at"] == row["append_time"]
    assert row["degraded"].startswith("committed_at is no time")


@pytest.mark.parametrize(
    "value", [b"?", b"", b"7", b'{"user_id":1e3}', b'{"user_id":9223372036854775808}', b"[" * 5_000]
)
def test_a_header_that_names_no_user_is_noted(value: bytes) -> None:
    row = one(GOOD, headers=(("__debezium.oldkey", value),))
    assert (row["old_key"], row["degraded"]) == (
        None,
        "the header __debezium.oldkey names no user_id",
    )


def test_a_decimal_that_debezium_announces_wrongly_does_not_stop_the_rest() -> None:
    """numeric(5,-2): Debezium says scale 2046 of precision 5, which no Avro library takes."""
    karma = {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2046}
    SCHEMAS[8] = envelope_schema({**COLUMNS, "karma": ["null", karma]})
    plain = envelope_schema({**COLUMNS, "karma": ["null", "bytes"]})
    out = io.BytesIO()
    change = envelope("c", None, ROW | {"karma": b"\x01"})
    fastavro.schemaless_writer(out, fastavro.parse_schema(plain), change)
    row = one(b"\0\0\0\0\x08" + out.getvalue())
    assert (row["after"], row["degraded"]) == (USER_ROW, None)


def long(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_schemas_named_in_headers_are_read() -> None:
    """Apicurio's converter with headers.enabled writes key and value bare."""
    headers = (
        ("apicurio.key.contentId", long(1)),
        ("apicurio.key.encoding", b"BINARY"),
        ("apicurio.value.contentId", long(2)),
        ("apicurio.value.encoding", b"BINARY"),
    )
    row = one(GOOD[5:], KEY[5:], headers)
    assert (row["user_id"], row["op"], row["schema_id"]) == (7, one(GOOD)["op"], 2)
    deleted = one(None, KEY[5:], headers[:2])
    assert (deleted["user_id"], deleted["op"], deleted["schema_id"]) == (7, "tombstone", None)


@pytest.mark.parametrize(
    ("value", "key", "headers", "expected"),
    [
        (b"\0\x80\0\0\0abc", KEY, (), "unknown_schema"),
        (None, b"\0\xff\xff\xff\xff\1", (), "unknown_schema"),
        (GOOD[5:], KEY, (("apicurio.value.globalId", long(2)),), "unknown_schema"),
        (GOOD[5:], KEY, (("apicurio.value.encoding", b"JSON"),), "bad_frame"),
        (None, KEY, (("__key_schema_id", b"\2"),), "bad_frame"),
    ],
    ids=["value's id", "key's id", "unknown global id", "JSON", "key's header"],
)
def test_schema_that_is_not_found_is_a_verdict(
    value: bytes | None, key: bytes, headers: tuple[tuple[str, bytes], ...], expected: str
) -> None:
    changes = read_changes([record(value, key, headers, offset=1), record(GOOD, offset=2)], lookup)
    assert [str(rejected.code) for rejected in changes.rejected] == [expected]
    assert changes.rows["kafka_offset"].to_pylist() == [2]


def test_nothing_is_refused_while_the_registry_is_away() -> None:
    def away(_: int) -> str | None:
        raise RegistryUnavailableError("away")

    with pytest.raises(RegistryUnavailableError):
        read_changes([record(GOOD)], away)
