"""Where serdes put the schema's id: each place is read, or refused with the setting to change."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace

import pytest

from streams.contracts.batch import SCHEMA_ID, ErrorCode, Rejected
from streams.contracts.catalog import schemas
from streams.contracts.codec import UnknownSchemaError, encode
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import ContentKind, ContentLiked, Event
from streams.contracts.frames import ForeignId, ForeignKind, schemas_in_headers
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.record import Headers, Record
from tests.support.messages import produces, shown

TOPIC = "social.likes.v1"
LIKE = ContentLiked(
    event_id=1,
    occurred_at=2,
    user_id=3,
    content_kind=ContentKind.STORY,
    content_id=4,
    owner_id=5,
)
ID = 7
FRAMED = encode(LIKE, ID)
BARE = FRAMED[5:]
GUID = uuid.UUID("5f0c6a3e-7d1e-4a4c-9a5b-0f3f1f2f3f4f")
GLOBAL_HEADER = "apicurio.value.globalId"
CONTENT_HEADER = "apicurio.value.contentId"
GUID_HEADER = "__value_schema_id"
BINARY = ("apicurio.value.encoding", b"BINARY")


class Lookup:
    """A registry with one schema, under three kinds of id."""

    text = json.dumps(schemas()["ContentLiked"])

    def __call__(self, schema_id: int) -> str | None:
        return self.text if schema_id == ID else None

    def foreign(self, schema: ForeignId) -> str | None:
        known = {(ForeignKind.GLOBAL, "300"), (ForeignKind.GUID, str(GUID))}
        return self.text if schema[:2] in known else None


def record(value: bytes | None, *headers: tuple[str, bytes | None], offset: int = 0) -> Record:
    return Record(TOPIC, 0, offset, 10, b"4", value, headers)


def long(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


def judged(*records: Record) -> tuple[dict[int, Event], list[Rejected], Mapping[int, int | None]]:
    batch, refused = decode_and_validate(Records.of(records), TOPIC, Lookup())
    ids = {
        row["_offset"]: row[SCHEMA_ID]
        for columns in batch.columns.values()
        for row in columns.select(["_offset", SCHEMA_ID]).to_pylist()
    }
    return {place.offset: event for place, event in events(batch)}, refused, ids


# Headers and values as Apicurio's Java serde 2.6.13 wrote them against Apicurio 2.6.13: see
# tests/integration/test_registry.py, which lets it write them again.
READ: dict[str, tuple[bytes, Headers, int | None]] = {
    "Confluent's frame": (FRAMED, (), ID),
    "Confluent's frame among other headers": (FRAMED, (("traceparent", b"00-1-2-01"),), ID),
    "Apicurio's global id": (BARE, ((GLOBAL_HEADER, long(300)), BINARY), None),
    "Apicurio's content id": (BARE, ((CONTENT_HEADER, long(ID)), BINARY), ID),
    "Apicurio's content id before the global one": (
        BARE,
        ((GLOBAL_HEADER, long(999)), (CONTENT_HEADER, long(ID))),
        ID,
    ),
    "Confluent's header with an id": (BARE, ((GUID_HEADER, b"\0" + ID.to_bytes(4, "big")),), ID),
    "Confluent's header with a GUID": (BARE, ((GUID_HEADER, b"\1" + GUID.bytes),), None),
    "the last of equal headers": (
        BARE,
        ((CONTENT_HEADER, long(9)), (CONTENT_HEADER, long(ID))),
        ID,
    ),
}


@pytest.mark.parametrize(("value", "headers", "schema_id"), READ.values(), ids=READ.keys())
def test_frame_of_known_serde_is_read(
    value: bytes, headers: Headers, schema_id: int | None
) -> None:
    found, refused, ids = judged(record(value, *headers))
    assert refused == []
    assert found == {0: LIKE}
    assert ids == {0: schema_id}


REFUSED: dict[str, tuple[bytes | None, Headers, ErrorCode, str]] = {
    "an id of 2^31": (b"\0\x80\0\0\0" + BARE, (), ErrorCode.UNKNOWN_SCHEMA, "2147483648"),
    "bytes of the issue": (
        b"\x00\x90\x01\x02\x03abc",
        (),
        ErrorCode.UNKNOWN_SCHEMA,
        "no registry gives out the schema id 2415985155: the value may be Avro without a frame",
    ),
    "eight bytes of an id": (
        b"\0" + long(300) + BARE,
        (),
        ErrorCode.UNKNOWN_SCHEMA,
        "set apicurio.registry.headers.enabled=false, apicurio.registry.as-confluent=true and "
        "apicurio.registry.use-id=contentId",
    ),
    "JSON by Apicurio's serde": (
        b'{"event_id":1}',
        ((GLOBAL_HEADER, long(300)), ("apicurio.value.encoding", b"JSON")),
        ErrorCode.BAD_FRAME,
        "the header apicurio.value.encoding says JSON: set apicurio.registry.avro.encoding=BINARY",
    ),
    "coordinates": (
        BARE,
        (("apicurio.value.groupId", b"g"), ("apicurio.value.artifactId", b"a")),
        ErrorCode.BAD_FRAME,
        "the header apicurio.value.artifactId names the schema without an id",
    ),
    "a global id of four bytes": (
        BARE,
        ((GLOBAL_HEADER, b"\0\0\0\1"),),
        ErrorCode.BAD_FRAME,
        "the header apicurio.value.globalId has 4 bytes, not the 8 of an id",
    ),
    "an empty global id": (BARE, ((GLOBAL_HEADER, None),), ErrorCode.BAD_FRAME, "has 0 bytes"),
    "an unknown global id": (
        BARE,
        ((GLOBAL_HEADER, long(301)),),
        ErrorCode.UNKNOWN_SCHEMA,
        "no schema with the global id 301 of the header apicurio.value.globalId",
    ),
    "a negative content id": (
        BARE,
        ((CONTENT_HEADER, long(-1)),),
        ErrorCode.UNKNOWN_SCHEMA,
        "no registry gives out the schema id -1",
    ),
    "a header of Confluent's cut off": (
        BARE,
        ((GUID_HEADER, b"\1" + GUID.bytes[1:]),),
        ErrorCode.BAD_FRAME,
        "the header __value_schema_id has 16 bytes",
    ),
    "headers of two serdes": (
        BARE,
        ((GUID_HEADER, b"\1" + GUID.bytes), (GLOBAL_HEADER, long(300))),
        ErrorCode.BAD_FRAME,
        "the headers __value_schema_id and apicurio.value.globalId each name a schema",
    ),
    "a header copied onto a framed value": (
        FRAMED,
        ((CONTENT_HEADER, long(ID)),),
        ErrorCode.INVALID_EVENT,
        "event_id is 0",
    ),
    "a body cut off": (
        BARE[:3],
        ((CONTENT_HEADER, long(ID)),),
        ErrorCode.DECODE_ERROR,
        "(a header names the schema 7)",
    ),
    "null with a header": (
        None,
        ((GLOBAL_HEADER, long(300)),),
        ErrorCode.BAD_FRAME,
        "the value is null",
    ),
    "Azure's content type": (
        BARE,
        (("content-type", b"avro/binary+5f0c6a3e"),),
        ErrorCode.BAD_FRAME,
        "the header content-type names the schema as the serializer of Azure does",
    ),
    "four bytes": (b"\1abc", (), ErrorCode.BAD_FRAME, "4 bytes, fewer than the 5 of a frame"),
    "five other bytes": (b"\1abcd", (), ErrorCode.BAD_FRAME, "starts with byte 0x01"),
    "JSON text": (b'{"type":"ContentLiked"}', (), ErrorCode.BAD_FRAME, "JSON text"),
    "a container file": (b"Obj\x01" + BARE, (), ErrorCode.BAD_FRAME, "container file"),
    "single-object encoding": (
        b"\xc3\x01" + long(5) + BARE,
        (),
        ErrorCode.BAD_FRAME,
        "single-object encoding",
    ),
    "AWS Glue": (b"\x03\x00" + GUID.bytes + BARE, (), ErrorCode.BAD_FRAME, "AWS Glue"),
}


@pytest.mark.parametrize(
    ("value", "headers", "code", "message"), REFUSED.values(), ids=REFUSED.keys()
)
def test_other_frame_is_refused_by_name(
    value: bytes | None, headers: Headers, code: ErrorCode, message: str
) -> None:
    found, [refused], _ = judged(
        record(FRAMED, offset=1), record(value, *headers, offset=2), record(FRAMED, offset=3)
    )
    assert found == {1: LIKE, 3: LIKE}, "the neighbours are applied"
    assert refused.record == record(value, *headers, offset=2)
    assert refused.code is code
    assert message in refused.message


@produces("no registry gives out the schema id …", "apicurio.registry.…")
def test_dead_letters_of_other_frames_say_what_to_set() -> None:
    for case in ("bytes of the issue", "eight bytes of an id"):
        value, headers, _, message = REFUSED[case]
        _, [refused], _ = judged(record(value, *headers))
        assert message in shown(refused.message)


def test_every_frame_in_one_batch_keeps_the_order_of_the_records() -> None:
    cases = [*READ.values()]
    bodies = [encode(replace(LIKE, event_id=at + 1), ID)[5:] for at in range(len(cases))]
    records = [
        record(body if value is BARE else FRAMED[:5] + body, *headers, offset=at)
        for at, (body, (value, headers, _)) in enumerate(zip(bodies, cases, strict=True))
    ]
    found, refused, ids = judged(*records)
    assert refused == []
    assert list(found) == [*range(len(cases))]
    assert [event.event_id for event in found.values()] == [*range(1, len(cases) + 1)]
    assert list(ids.values()) == [schema_id for _, _, schema_id in cases]


def test_id_of_a_serde_is_a_verdict_for_a_lookup_without_such_ids() -> None:
    lookup = {ID: Lookup.text}.get
    records = Records.of([record(BARE, (GLOBAL_HEADER, long(300)))])
    _, [refused] = decode_and_validate(records, TOPIC, lookup)
    assert refused.code is ErrorCode.UNKNOWN_SCHEMA
    assert "global id 300" in refused.message


def test_reason_of_the_registry_is_in_the_verdict() -> None:
    def lookup(schema_id: int) -> str | None:
        raise UnknownSchemaError(f"schema {schema_id} is of type PROTOBUF, not AVRO")

    _, [refused] = decode_and_validate(Records.of([record(FRAMED)]), TOPIC, lookup)
    assert (refused.code, refused.message) == (
        ErrorCode.UNKNOWN_SCHEMA,
        "schema 7 is of type PROTOBUF, not AVRO",
    )


def test_id_beyond_31_bits_is_not_asked_for() -> None:
    asked: list[int] = []

    def lookup(schema_id: int) -> str | None:
        asked.append(schema_id)
        return None

    values = [b"\0\x7f\xff\xff\xff", b"\0\x80\0\0\0", b"\0\xff\xff\xff\xff"]
    _, refused = decode_and_validate(Records.of([record(value) for value in values]), TOPIC, lookup)
    assert [each.code for each in refused] == [ErrorCode.UNKNOWN_SCHEMA] * 3
    assert asked == [2**31 - 1]


def test_records_without_headers_are_not_looked_at_one_by_one() -> None:
    class Counted(list[Headers]):
        def __iter__(self) -> None:  # type: ignore[override]
            raise AssertionError("the hot path reads each record's headers")

    assert schemas_in_headers(Counted([()] * 3)) == {}
