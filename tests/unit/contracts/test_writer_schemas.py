"""What a writer's schema says beyond its bytes: honoured, or refused by name."""

import io
import json
from collections.abc import Callable
from typing import Any

import fastavro
import pytest

from streams.contracts.canonical_text import canonical_text
from streams.contracts.catalog import schemas
from streams.contracts.codec import decode
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.contracts.schema_references import inline
from streams.kafka.schema_registry.live_versions import live_subjects, unreadable
from streams.record import Record
from tests.support.messages import produces, shown

LIKES = "social.likes.v1"
SUBJECT = f"{LIKES}-social.v1.ContentLiked"
LIKE = {
    "event_id": 1,
    "occurred_at": 1_700_000_000_123,
    "user_id": 3,
    "content_kind": "STORY",
    "content_id": 4,
    "owner_id": 5,
}
KIND = {
    "type": "enum",
    "name": "ContentKind",
    "namespace": "social.v1",
    "symbols": ["POST", "STORY", "COMMENT", "UNKNOWN"],
    "default": "UNKNOWN",
}
COMMENT = {
    "event_id": 1,
    "occurred_at": 1_700_000_000_123,
    "user_id": 3,
    "comment_id": 6,
    "content_kind": "POST",
    "content_id": 4,
    "owner_id": 5,
    "text": "hello",
    "answers": 77,
}


def changed(record_type: str, **types: Any) -> dict[str, Any]:
    """This version's schema with other types for some fields."""
    schema: dict[str, Any] = json.loads(json.dumps(schemas()[record_type]))
    for field in schema["fields"]:
        if field["name"] in types:
            field["type"] = types[field["name"]]
            field.pop("default", None)
    return schema


def read_back(schema: Any, row: dict[str, Any], topic: str = LIKES) -> tuple[list[Any], list[str]]:
    """Events and refusals of a row that was written with a schema."""
    out = io.BytesIO()
    plain = json.loads(json.dumps(schema), object_hook=_without_units)
    fastavro.schemaless_writer(out, fastavro.parse_schema(plain), row)
    value = b"\0\0\0\0\1" + out.getvalue()
    records = Records.of([Record(topic, 0, 0, 10, b"4", value)])
    batch, refused = decode(records, topic, {1: json.dumps(schema)}.get)
    return [event for _, event in events(batch)], [each.message for each in refused]


def _without_units(properties: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key != "logicalType"}


@pytest.mark.parametrize(
    ("unit", "written", "millis"),
    [
        ("timestamp-millis", 1_700_000_000_123, 1_700_000_000_123),
        ("timestamp-micros", 1_700_000_000_123_999, 1_700_000_000_123),
        ("timestamp-micros", -1, -1),
        ("timestamp-micros", -1000, -1),
        ("timestamp-micros", -1001, -2),
        ("timestamp-nanos", 1_700_000_000_123_999_999, 1_700_000_000_123),
        ("of-our-own", 1_700_000_000_123, 1_700_000_000_123),
    ],
)
@pytest.mark.parametrize("extra", [None, "bytes"], ids=["by columns", "by records"])
def test_unit_of_an_instant_is_honoured(
    unit: str, written: int, millis: int, extra: str | None
) -> None:
    schema = changed("ContentLiked", occurred_at={"type": "long", "logicalType": unit})
    row: dict[str, Any] = LIKE | {"occurred_at": written}
    if extra:  # a type that columns cannot hold sends the schema through fastavro
        schema["fields"].append({"name": "more", "type": {"type": "map", "values": extra}})
        row["more"] = {}
    [event], refused = read_back(schema, row)
    assert refused == []
    assert event.occurred_at == millis
    assert event.owner_id == 5


@produces("the writer's schema says that … is a …")
@pytest.mark.parametrize(
    ("field", "written", "message"),
    [
        (
            "occurred_at",
            {"type": "long", "logicalType": "local-timestamp-millis"},
            "occurred_at is a local-timestamp-millis; timestamp-millis is expected",
        ),
        (
            "occurred_at",
            {"type": "int", "logicalType": "date"},
            "occurred_at is a date; timestamp-millis is expected",
        ),
        (
            "owner_id",
            ["null", {"type": "long", "logicalType": "timestamp-micros"}],
            "owner_id is a timestamp-micros; no unit of time is expected",
        ),
    ],
)
def test_other_unit_is_refused_by_name(field: str, written: Any, message: str) -> None:
    schema = changed("ContentLiked", **{field: written})
    found, [refused] = read_back(schema, LIKE | {"occurred_at": 5})
    assert found == []
    assert message in shown(refused)
    assert message in unreadable(SUBJECT, json.dumps(schema))[0]


def renamed_comment(**properties: Any) -> dict[str, Any]:
    schema = changed("CommentCreated")
    field = next(each for each in schema["fields"] if each["name"] == "reply_to")
    field |= {"name": "answers", "type": ["null", "long"], "default": None, **properties}
    return schema


def test_field_is_found_by_an_alias_of_the_writer() -> None:
    [event], _ = read_back(renamed_comment(aliases=["reply_to"]), COMMENT, "social.comments.v1")
    assert event.reply_to == 77
    [event], _ = read_back(renamed_comment(), COMMENT, "social.comments.v1")
    assert event.reply_to is None, "a field that this version does not know"


def test_alias_does_not_take_the_place_of_a_field_that_is_there() -> None:
    schema = changed("ContentLiked")
    schema["fields"].append({"name": "other", "type": "long", "aliases": ["owner_id"]})
    [event], _ = read_back(schema, LIKE | {"other": 99})
    assert event.owner_id == 5


# References --------------------------------------------------------------------------------------


def test_referenced_type_is_put_where_it_is_used_first() -> None:
    text = inline(
        json.dumps(changed("ContentLiked", content_kind="ContentKind")), [json.dumps(KIND)]
    )
    [event], refused = read_back(json.loads(text), LIKE)
    assert refused == []
    assert event.content_kind == "STORY"
    assert unreadable(SUBJECT, text) == ()


BOX = {"type": "record", "name": "a.Box", "fields": [{"name": "lid", "type": "b.Lid"}]}
LID = {
    "type": "record",
    "name": "Lid",
    "namespace": "b",
    "fields": [
        {"name": "box", "type": ["null", "a.Box"]},
        {"name": "knob", "type": {"type": "fixed", "name": "Knob", "size": 2}},
    ],
}


@pytest.mark.parametrize(
    ("used", "references"),
    [
        ("a.Box", [BOX, LID]),
        ("b.Lid", [LID, BOX]),
        ({"type": "array", "items": "a.Box"}, [LID, BOX]),
        ({"type": "map", "values": ["null", "b.Knob", "b.Lid"]}, [BOX, LID]),
        (["null", "a.Box", "b.Lid"], [BOX, LID]),
    ],
    ids=["chain", "cycle", "array", "nested type before its owner", "diamond"],
)
def test_references_of_references_are_inlined_once(used: Any, references: list[Any]) -> None:
    schema = {
        "type": "record",
        "name": "Whole",
        "namespace": "c",
        "fields": [{"name": "part", "type": used}, {"name": "again", "type": ["null", "b.Lid"]}],
    }
    text = inline(json.dumps(schema), [json.dumps(each) for each in references])
    fastavro.parse_schema(json.loads(text))
    assert text.count('"name":"Lid"') == 1
    assert text.count('"name":"Knob"') == 1


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["Lid"], "Lid"), (["c.Lid"], "c.Lid"), (["Lid", "c.Lid"], "c.Lid")],
)
def test_simple_name_is_of_the_enclosing_namespace_or_of_none(
    names: list[str], expected: str
) -> None:
    schema = {"type": "record", "name": "c.Whole", "fields": [{"name": "part", "type": "Lid"}]}
    fixed = [json.dumps({"type": "fixed", "name": name, "size": 1}) for name in names]
    (field,) = json.loads(inline(json.dumps(schema), fixed))["fields"]
    *namespace, name = expected.split(".")
    part = field["type"]
    assert (part["namespace"], part["name"]) == (".".join(namespace), name)


def test_missing_reference_stays_a_name_that_the_reader_refuses() -> None:
    text = inline(json.dumps(changed("ContentLiked", content_kind="else.Kind")), [])
    found, [refused] = read_back_unparsed(text)
    assert found == []
    assert "else.Kind" in refused


def read_back_unparsed(text: str) -> tuple[list[Any], list[str]]:
    records = Records.of([Record(LIKES, 0, 0, 10, b"4", b"\0\0\0\0\1\2\4\6\2\x08\x0a")])
    batch, refused = decode(records, LIKES, {1: text}.get)
    return [event for _, event in events(batch)], [each.message for each in refused]


# Registered text ---------------------------------------------------------------------------------


def test_canonical_text_is_compact_and_in_the_order_of_java() -> None:
    schema = {
        "namespace": "n",
        "name": "R",
        "doc": "é",
        "type": "record",
        "fields": [
            {"default": [], "name": "a", "doc": "d", "type": {"items": "string", "type": "array"}},
            {"type": ["null", {"symbols": ["X"], "name": "E", "type": "enum"}], "name": "b"},
        ],
    }
    assert canonical_text(schema) == (
        '{"type":"record","name":"R","namespace":"n","doc":"é","fields":['
        '{"name":"a","type":{"type":"array","items":"string"},"doc":"d","default":[]},'
        '{"name":"b","type":["null",{"type":"enum","name":"E","symbols":["X"]}]}]}'
    )


@pytest.mark.parametrize("record_type", schemas())
def test_canonical_text_says_what_the_schema_says(record_type: str) -> None:
    assert json.loads(canonical_text(schemas()[record_type])) == schemas()[record_type]


@pytest.mark.parametrize("record_type", schemas())
def test_files_are_in_the_canonical_order(record_type: str) -> None:
    """So that a client that parses and prints the file finds the registered text."""
    compact = json.dumps(schemas()[record_type], separators=(",", ":"), ensure_ascii=False)
    assert compact == canonical_text(schemas()[record_type])


# What is registered ------------------------------------------------------------------------------


def test_subjects_of_topics_of_events_are_looked_at() -> None:
    names = ["else-value", "social.likes.v1-value", SUBJECT, "social.likes.v10-value"]
    assert [*live_subjects(names)] == [SUBJECT, "social.likes.v1-value"]


def later(change: Callable[[dict[str, Any]], object]) -> str:
    schema = changed("ContentLiked")
    change(schema)
    return json.dumps(schema)


@pytest.mark.parametrize(
    ("subject", "text", "reason"),
    [
        (SUBJECT, json.dumps(schemas()["ContentLiked"]), None),
        (f"{LIKES}-value", json.dumps(schemas()["ContentUnliked"]), None),
        (SUBJECT, later(lambda s: s["fields"].append({"name": "new", "type": "string"})), None),
        (
            SUBJECT,
            json.dumps(
                changed("ContentLiked", content_kind=KIND | {"symbols": ["REEL", "UNKNOWN"]})
            ),
            None,
        ),
        (SUBJECT, later(lambda s: s["fields"].pop()), "owner_id"),
        (SUBJECT, json.dumps(changed("ContentLiked", user_id="string")), "long"),
        (SUBJECT, json.dumps(schemas()["PostCreated"]), "does not carry social.v1.PostCreated"),
        (SUBJECT, '"string"', "does not carry string"),
        (SUBJECT, "syntax = proto3", "not an Avro schema"),
        (f"{LIKES}-key", '"string"', "an id in decimal text"),
    ],
)
def test_registered_version_is_readable_or_has_a_reason(
    subject: str, text: str, reason: str | None
) -> None:
    reasons = unreadable(subject, text)
    assert (reason is None) == (reasons == ())
    assert reason is None or reason in " ".join(reasons)
