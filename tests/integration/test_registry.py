"""Apicurio itself, its own Java serde, and Confluent's client: what they write is read."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    SchemaRegistryError,
    topic_record_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.contracts.batch import ErrorCode, Rejected
from streams.contracts.canonical_text import canonical_text
from streams.contracts.catalog import avro_dir, released, schemas, subject
from streams.contracts.codec import encode
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import ContentKind, ContentLiked, Event
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.kafka.schema_registry import RegistryRefusedError, SchemaRegistry
from streams.kafka.topics import Topics
from streams.record import Headers, Record
from streams.stack.artifacts.jars import jars_of
from tests.support.local_stack import own_settings

pytestmark = pytest.mark.stack

TOPIC = "social.likes.v1"
SUBJECT = subject(TOPIC, "ContentLiked")
UNLIKED = subject(TOPIC, "ContentUnliked")
LIKE = ContentLiked(
    event_id=1,
    occurred_at=2,
    user_id=3,
    content_kind=ContentKind.STORY,
    content_id=4,
    owner_id=5,
)
FILES = {name: (avro_dir() / "v1" / f"{name}.avsc").read_text("utf-8") for name in schemas()}
JAVA = Path(__file__).parents[1] / "serde" / "ApicurioLikes.java"
ARTIFACT = f"apicurio.registry.artifact.artifact-id={SUBJECT} apicurio.registry.find-latest=true"
BARE = f"{ARTIFACT} apicurio.registry.headers.enabled=false"
SERDES = {
    "as it comes": ARTIFACT,
    "content id": f"{ARTIFACT} apicurio.registry.use-id=contentId",
    "its own registration": "apicurio.registry.auto-register=true",
    "as Confluent's": f"{BARE} apicurio.registry.as-confluent=true "
    "apicurio.registry.use-id=contentId",
    "no headers": BARE,
    "JSON": f"{ARTIFACT} apicurio.registry.avro.encoding=JSON",
}


class Java(NamedTuple):
    """What Avro for Java and Apicurio's serde wrote."""

    schemas: set[str]
    records: Mapping[str, tuple[bytes, Headers]]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker and a registry of their own: what is registered here breaks registering."""
    settings = own_settings(tmp_path_factory.mktemp("registry"))
    stack = local_stack(settings)
    try:
        stack.up(("kafka", "registry"))
        Topics(settings.bootstrap).apply()
        yield settings
    finally:
        stack.down()


@pytest.fixture(scope="module")
def former(servers: Settings) -> Mapping[str, int]:
    """Ids of the texts that release 0.1 registered, in a registry that has no other."""
    client = SchemaRegistryClient({"url": servers.registry_url})
    return {
        name: client.register_schema(
            subject(TOPIC, name), Schema(json.dumps(released()["0.1.0"][name]))
        )
        for name in ("ContentLiked", "ContentUnliked")
    }


@pytest.fixture(scope="module")
def ready(servers: Settings, former: Mapping[str, int]) -> Settings:
    """The registry of a release before, with this version's schemas registered."""
    list(SchemaRegistry(servers.registry_url).register())
    return servers


@pytest.fixture(scope="module")
def java(ready: Settings) -> Java:
    """A run of the Java program; skips the test where there is no Java compiler."""
    if shutil.which("javac") is None:
        pytest.skip("no Java compiler")
    stack = local_stack(ready)
    stack.fetch_jars("kafka", "converter")
    jars = [*jars_of("converter"), *jars_of("kafka")]
    done = subprocess.run(
        [
            "java",
            "-cp",
            ":".join(str(jar.path(ready.cache)) for jar in jars),
            str(JAVA),
            ready.converter_registry_url,
            str(avro_dir() / "v1"),
            *SERDES.values(),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    written = [line.split(" ")[1:] for line in lines if line.startswith("value ")]
    records = {
        name: (
            bytes.fromhex(value),
            tuple((key, bytes.fromhex(raw)) for key, _, raw in (h.partition("=") for h in headers)),
        )
        for name, (value, *headers) in zip(SERDES, written, strict=True)
    }
    texts = {line.removeprefix("schema ") for line in lines if line.startswith("schema ")}
    return Java(texts, records)


def judged(settings: Settings, *records: Record) -> tuple[list[Event], list[Rejected]]:
    batch, refused = decode_and_validate(
        Records.of(records), TOPIC, SchemaRegistry(settings.registry_url).schema_text
    )
    return [event for _, event in events(batch)], refused


def record(value: bytes, headers: Headers = ()) -> Record:
    return Record(TOPIC, 0, 0, 10, b"4", value, headers)


def storyline(settings: Settings, *args: str) -> Any:
    ports = {
        f"STORYLINE_PORTS__{name.upper()}": str(port)
        for name, port in settings.ports.model_dump().items()
    }
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", *args],
        capture_output=True,
        text=True,
        timeout=300,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "250"} | ports,
        check=False,
    )


def test_former_text_counts_until_the_canonical_one_is_registered(
    servers: Settings, former: Mapping[str, int]
) -> None:
    assert (
        SchemaRegistry(servers.registry_url).schema_id(TOPIC, "ContentLiked")
        == (former["ContentLiked"])
    )
    made = {each.subject: each for each in SchemaRegistry(servers.registry_url).register()}
    assert all(each.created for each in made.values())
    registry = SchemaRegistry(servers.registry_url)
    assert registry.schema_id(TOPIC, "ContentLiked") == made[SUBJECT].schema_id
    assert made[SUBJECT].schema_id != former["ContentLiked"]
    for schema_id in (former["ContentLiked"], made[SUBJECT].schema_id):
        assert registry.schema_text(schema_id) is not None
    again = list(SchemaRegistry(servers.registry_url).register())
    assert not any(each.created for each in again)


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (canonical_text(schemas()["ContentLiked"]), {}),
        (FILES["ContentLiked"], {"normalize.schemas": True}),
        (FILES["ContentLiked"], {"use.latest.version": True}),
    ],
    ids=["canonical text", "file, normalised", "file, latest version"],
)
def test_client_that_may_not_register_finds_the_schema(
    ready: Settings, text: str, settings: dict[str, Any]
) -> None:
    strategy = {"subject.name.strategy": topic_record_subject_name_strategy}
    serializer = AvroSerializer(
        SchemaRegistryClient({"url": ready.registry_url}),
        text,
        lambda event, _: {name: getattr(event, name) for name in LIKE.__dataclass_fields__},
        {"auto.register.schemas": False, **strategy, **settings},
    )
    value = serializer(LIKE, SerializationContext(TOPIC, MessageField.VALUE))
    assert value is not None
    assert judged(ready, record(value)) == ([LIKE], [])


def test_text_of_the_file_is_not_found_without_normalising(ready: Settings) -> None:
    """What docs/concepts/events.md says of such a client."""
    client = SchemaRegistryClient({"url": ready.registry_url})
    with pytest.raises(SchemaRegistryError) as raised:
        client.lookup_schema(SUBJECT, Schema(FILES["ContentLiked"].strip()))
    assert raised.value.http_status_code == 404


def test_canonical_text_is_what_avro_for_java_prints(java: Java) -> None:
    assert {canonical_text(schema) for schema in schemas().values()} == java.schemas


@pytest.mark.parametrize("name", ["as it comes", "content id", "its own registration"])
def test_apicurio_serde_with_headers_is_read(ready: Settings, java: Java, name: str) -> None:
    value, headers = java.records[name]
    [event], refused = judged(ready, record(value, headers))
    assert refused == []
    assert isinstance(event, ContentLiked)
    assert (event.user_id, event.content_kind, event.owner_id) == (3, ContentKind.STORY, 5)
    assert value[0] != 0, "the value is bare"
    assert any(key.startswith("apicurio.value.") for key, _ in headers)


def test_apicurio_serde_as_confluent_is_read(ready: Settings, java: Java) -> None:
    value, headers = java.records["as Confluent's"]
    [event], _ = judged(ready, record(value, headers))
    assert headers == ()
    assert isinstance(event, ContentLiked)


@pytest.mark.parametrize(
    ("name", "code", "setting"),
    [
        ("no headers", ErrorCode.UNKNOWN_SCHEMA, "apicurio.registry.as-confluent=true"),
        ("JSON", ErrorCode.BAD_FRAME, "apicurio.registry.avro.encoding=BINARY"),
    ],
)
def test_apicurio_serde_in_another_way_is_refused_with_the_setting(
    ready: Settings, java: Java, name: str, code: ErrorCode, setting: str
) -> None:
    found, [refused] = judged(ready, record(*java.records[name]))
    assert found == []
    assert refused.code is code
    assert setting in refused.message


def with_reference(settings: Settings, name: str) -> int:
    """The id of ContentLiked or ContentUnliked whose enum is a schema of its own."""
    client = SchemaRegistryClient({"url": settings.registry_url})
    schema = json.loads(json.dumps(schemas()[name]))
    field = next(each for each in schema["fields"] if each["name"] == "content_kind")
    kind, field["type"] = field["type"], "social.v1.ContentKind"
    client.register_schema("kinds", Schema(json.dumps(kind | {"namespace": "social.v1"})))
    reference = SchemaReference("social.v1.ContentKind", "kinds", 1)
    return client.register_schema(
        f"{TOPIC}-refers-{name}", Schema(json.dumps(schema), "AVRO", [reference])
    )


def test_tail_shows_events_of_every_frame_and_goes_on_behind_others(ready: Settings) -> None:
    known = SchemaRegistry(ready.registry_url).schema_id(TOPIC, "ContentLiked")
    body = encode(LIKE, known)[5:]
    sent: list[tuple[bytes, Headers]] = [
        (b"\x00\x90\x01\x02\x03abc", ()),
        (b"\0\x7f\xff\xff\xff" + body, ()),
        (encode(LIKE, with_reference(ready, "ContentLiked")), ()),
        (body, (("apicurio.value.contentId", known.to_bytes(8, "big")),)),
        (body, (("apicurio.value.globalId", (2**62).to_bytes(8, "big")),)),
        (body, (("__value_schema_id", b"\1" + bytes(16)),)),
        (encode(LIKE, known), ()),
    ]
    producer = Producer({"bootstrap.servers": ready.bootstrap, "log_level": 0})
    for value, headers in sent:
        producer.produce(TOPIC, key=b"4", value=value, headers=list(headers), partition=0)
    assert producer.flush(30) == 0
    done = storyline(ready, "tail", TOPIC, "--json")
    assert done.returncode == 0, done.stderr
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    codes = [line.get("error", {}).get("code") for line in shown]
    unknown = str(ErrorCode.UNKNOWN_SCHEMA)
    assert codes == [unknown, unknown, None, None, unknown, unknown, None]
    assert "schema id 2415985155" in shown[0]["error"]["message"]
    for line, code in zip(shown, codes, strict=True):
        assert ("event" in line) == (code is None)


def test_registered_version_that_is_unreadable_is_found(ready: Settings) -> None:
    clean = storyline(ready, "schemas", "check", "--live")
    assert clean.returncode == 0, clean.stdout + clean.stderr
    client = SchemaRegistryClient({"url": ready.registry_url})
    schema = json.loads(json.dumps(schemas()["ContentLiked"]))
    schema["fields"][1]["type"]["logicalType"] = "local-timestamp-millis"
    client.register_schema(f"{TOPIC}-value", Schema(json.dumps(schema)))
    client.register_schema(f"{TOPIC}-other", Schema('syntax = "proto3"; message A {}', "PROTOBUF"))
    try:
        done = storyline(ready, "schemas", "check", "--live", "--json")
        assert done.returncode == 1
        found = {each["subject"]: each["reasons"] for each in json.loads(done.stdout)}
        assert found.keys() == {f"{TOPIC}-other", f"{TOPIC}-value"}
        assert "occurred_at is a local-timestamp-millis" in found[f"{TOPIC}-value"][0]
        assert "PROTOBUF" in found[f"{TOPIC}-other"][0]
        assert "storyline dlq replay" in done.stderr
    finally:
        for name in ("other", "value"):
            client.delete_subject(f"{TOPIC}-{name}")


def test_refusal_by_reason_of_a_version_with_references_is_reported(ready: Settings) -> None:
    """Apicurio refuses every schema under a subject that has a version with references."""
    client = SchemaRegistryClient({"url": ready.registry_url})
    with_reference(ready, "ContentUnliked")
    whole = client.get_version(f"{TOPIC}-refers-ContentUnliked", 1).schema
    client.delete_subject(UNLIKED)
    client.register_schema(UNLIKED, whole)
    with pytest.raises(RegistryRefusedError, match=r"refuses the schema: .* \(HTTP 422\)"):
        list(SchemaRegistry(ready.registry_url).register())
    done = storyline(ready, "schemas", "register")
    assert done.returncode == 1
    assert "does not answer" not in done.stderr
    assert "Could not execute compatibility rule" in done.stderr
    assert "storyline schemas check --live" in done.stderr
