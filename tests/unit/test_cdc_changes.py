"""What is read of Debezium's envelopes, and what is refused."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import fastavro
import pytest

from streams.contracts.batch import Record
from streams.contracts.cdc import Changes, read_changes
from streams.contracts.codec import RegistryUnavailableError
from streams.contracts.tables import USER

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


def test_what_postgresql_did_not_send_keeps_its_placeholder() -> None:
    after = ROW | {"display_name": "__debezium_unavailable_value"}
    row = one(avro(2, envelope("u", None, after)))
    assert row["after"]["display_name"] == "__debezium_unavailable_value"


GOOD = avro(2, envelope("c", None, ROW))


@pytest.mark.parametrize(
    ("expected", "value", "key"),
    [
        ("bad_frame", b"{}", KEY),
        ("bad_frame", b"\x01" + GOOD[1:], KEY),
        ("bad_frame", GOOD, b"7"),
        ("bad_frame", None, None),
        ("unknown_schema", b"\0\0\0\0\x63" + GOOD[5:], KEY),
        ("unknown_schema", GOOD, b"\0\0\0\0\x63\x0e"),
        ("decode_error", GOOD[:-20], KEY),
        ("decode_error", GOOD + b"\0", KEY),
        ("unknown_type", avro(5, {"op": "c"}), KEY),
        ("unknown_type", avro(7, "text"), KEY),
        ("unknown_type", avro(2, envelope("z", None, ROW)), KEY),
        ("unknown_type", GOOD, avro(5, {"op": "c"})),
        ("invalid_event", GOOD, None),
        ("invalid_event", GOOD, avro(1, {"user_id": 8})),
        ("invalid_event", avro(2, envelope("u", ROW, None)), KEY),
        ("invalid_event", avro(6, envelope("c", None, ROW | {"country": 5})), KEY),
        ("invalid_event", avro(2, envelope("c", None, ROW | {"created_at": "soon"})), KEY),
        (
            "invalid_event",
            avro(2, envelope("c", None, ROW | {"created_at": "2026-01-02T03:04:05"})),
            KEY,
        ),
        ("decode_error", avro(2, envelope("c", None, ROW, ts_us=1 << 62)), KEY),
    ],
)
def test_a_bad_record_is_refused_alone(expected: str, value: bytes, key: bytes) -> None:
    assert code(value, key) == expected
    changes: Changes = read_changes(
        [record(GOOD, offset=0), record(value, key, offset=1), record(GOOD, offset=2)], lookup
    )
    assert changes.rows["kafka_offset"].to_pylist() == [0, 2]
    assert [rejected.record.offset for rejected in changes.rejected] == [1]


def test_a_header_that_names_no_user_is_refused() -> None:
    assert code(GOOD, headers=(("__debezium.oldkey", b"?"),)) == "decode_error"


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
        (GOOD, b"\0\xff\xff\xff\xff\1", (), "unknown_schema"),
        (GOOD[5:], KEY, (("apicurio.value.globalId", long(2)),), "unknown_schema"),
        (GOOD[5:], KEY, (("apicurio.value.encoding", b"JSON"),), "bad_frame"),
        (GOOD, KEY, (("__key_schema_id", b"\2"),), "bad_frame"),
    ],
    ids=["value's id", "key's id", "unknown global id", "JSON", "key's header"],
)
def test_schema_that_is_not_found_is_a_verdict(
    value: bytes, key: bytes, headers: tuple[tuple[str, bytes], ...], expected: str
) -> None:
    changes = read_changes([record(value, key, headers, offset=1), record(GOOD, offset=2)], lookup)
    assert [str(rejected.code) for rejected in changes.rejected] == [expected]
    assert changes.rows["kafka_offset"].to_pylist() == [2]


def test_nothing_is_refused_while_the_registry_is_away() -> None:
    def away(_: int) -> str | None:
        raise RegistryUnavailableError("away")

    with pytest.raises(RegistryUnavailableError):
        read_changes([record(GOOD)], away)
