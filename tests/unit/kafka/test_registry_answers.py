"""Every answer of a registry is a verdict about one schema, or a server that is away.

A small HTTP server answers as registries and proxies do; Apicurio itself is asked in
tests/integration/test_registry.py. Records with a GUID come from Confluent's own serializer, whose
registry alone gives out GUIDs and is not among the servers of the stack.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    SchemaRegistryClient,
    SchemaRegistryError,
    header_schema_id_serializer,
    topic_record_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from typer.testing import CliRunner

from streams.app.settings import settings
from streams.cli.events.schemas import app
from streams.contracts.batch import SCHEMA_ID, ErrorCode
from streams.contracts.canonical_text import canonical_text
from streams.contracts.catalog import released, schemas
from streams.contracts.codec import RegistryUnavailableError, UnknownSchemaError
from streams.contracts.decoder import decode_and_validate
from streams.contracts.frames import ForeignId, ForeignKind
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.kafka.schema_registry import RegistryRefusedError, SchemaRegistry
from streams.kafka.schema_registry.verdicts import is_verdict, without_login
from streams.record import Record
from tests.support.local_stack import free_ports
from tests.support.messages import produces, shown
from tests.unit.contracts.test_frames import LIKE, TOPIC

PATH = "/apis/ccompat/v7"
IDS = f"GET {PATH}/schemas/ids/7"
CONFIG = f"GET {PATH}/config"
NOT_FOUND = (404, {"error_code": 40403, "message": "No content"})
ALIVE = {CONFIG: (200, {"compatibilityLevel": "BACKWARD_TRANSITIVE"})}
GLOBAL = ForeignId(ForeignKind.GLOBAL, "300", "apicurio.value.globalId")
GUID = ForeignId(ForeignKind.GUID, "5f0c6a3e-7d1e-4a4c-9a5b-0f3f1f2f3f4f", "__value_schema_id")

Answers = dict[str, tuple[int, Any]]


class Registry:
    """A server on loopback that gives set answers: 404 and no code to anything else."""

    def __init__(self) -> None:
        self.answers: Answers = {}
        self.texts: dict[str, dict[str, int]] = {}
        """Question -> ids of the schema texts that it finds; 40403 for others."""
        self.asked: list[str] = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                question = f"{self.command} {self.path.partition('?')[0]}"
                registry.asked.append(question)
                status, body = registry.answers.get(
                    question, (404, {"error_code": 0, "message": "Could not find resource"})
                )
                if question in registry.texts:
                    found = registry.texts[question].get(json.loads(sent)["schema"])
                    status, body = (200, {"id": found}) if found else NOT_FOUND
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 - names of http.server

            def log_message(self, *_arguments: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def client(self, answers: Mapping[str, tuple[int, Any]], path: str = PATH) -> SchemaRegistry:
        self.answers = dict(answers)
        self.asked.clear()
        return SchemaRegistry(self.origin + path)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    server = Registry()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, False) for status in (301, 302, 304, 401, 403, 408, 429, 500, 502, 503, 504)),
        *((status, True) for status in (400, 404, 406, 409, 410, 422)),
    ],
)
def test_every_status_is_sorted(status: int, verdict: bool) -> None:
    assert is_verdict(SchemaRegistryError(status, 0, "")) is verdict


def test_missing_schema_is_none_and_known_codes_need_no_second_question(registry: Registry) -> None:
    client = registry.client(ALIVE | {IDS: NOT_FOUND})
    assert client.schema_text(7) is None
    assert registry.asked == [IDS]


def test_404_without_a_code_is_a_verdict_of_a_registry_that_answers(registry: Registry) -> None:
    client = registry.client(ALIVE)
    assert client.schema_text(7) is None
    assert registry.asked == [IDS, CONFIG]


@produces("what answers at … is not a schema registry")
def test_404_to_everything_is_a_server_that_is_away(registry: Registry) -> None:
    client = registry.client({})
    with pytest.raises(RegistryUnavailableError, match="is not a schema registry: Could not find"):
        client.schema_text(7)
    registry.answers = ALIVE | {IDS: (200, {"schema": '"string"'})}
    assert client.schema_text(7) == '"string"', "what was not a verdict is not remembered"


@pytest.mark.parametrize("status", [400, 406, 410, 422])
def test_other_4xx_about_one_id_is_a_verdict_with_the_text(registry: Registry, status: int) -> None:
    client = registry.client(ALIVE | {IDS: (status, {"error_code": 0, "message": "not this one"})})
    for _ in range(2):
        with pytest.raises(UnknownSchemaError, match=f"not this one \\(HTTP {status}\\)"):
            client.schema_text(7)
    assert registry.asked.count(IDS) == 1, "a verdict is kept for a while"


def test_missing_schema_is_asked_for_again_after_half_a_minute(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("streams.kafka.schema_registry.schema_texts.time.monotonic", lambda: now)
    client = registry.client(ALIVE | {IDS: NOT_FOUND})
    assert client.schema_text(7) is None
    registry.answers[IDS] = (200, {"schema": '"string"'})
    now += 29
    assert client.schema_text(7) is None
    now += 2
    assert client.schema_text(7) == '"string"'


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        pytest.param(
            401,
            {"error_code": 40101, "message": "who?"},
            r"refuses our credentials \(HTTP 401\)",
            marks=produces("the schema registry at … … (HTTP …): …", "refuses our credentials"),
        ),
        (403, b"<html>forbidden</html>", r"refuses our credentials \(HTTP 403\)"),
        pytest.param(
            302, b"", r"sends us elsewhere \(HTTP 302\)", marks=produces("sends us elsewhere")
        ),
        pytest.param(
            503,
            {"error_code": 50301, "message": "starting"},
            r"fails \(HTTP 503\): starting",
            marks=produces("fails"),
        ),
        pytest.param(
            429, b"", r"has too much to do \(HTTP 429\)", marks=produces("has too much to do")
        ),
        (200, b"<html>log in</html>", "is not a schema registry: JSONDecodeError"),
        (200, ["a list"], "is not a schema registry"),
    ],
)
def test_server_that_is_away_is_never_a_verdict(
    registry: Registry, status: int, body: Any, message: str
) -> None:
    client = registry.client(ALIVE | {IDS: (status, body)})
    with pytest.raises(RegistryUnavailableError, match=message) as raised:
        client.schema_text(7)
    assert raised.value.hint
    assert registry.origin in str(raised.value)


@produces("the schema registry at … does not answer")
def test_no_server_is_away() -> None:
    (port,) = free_ports(1)
    client = SchemaRegistry(f"http://127.0.0.1:{port}{PATH}")
    with pytest.raises(RegistryUnavailableError, match="does not answer: "):
        client.schema_text(7)
    assert not client.answers()


def test_login_in_the_address_is_not_shown() -> None:
    assert without_login("http://me:secret@host:8081/apis") == "http://host:8081/apis"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schema": "syntax", "schemaType": "PROTOBUF"}, "is of type PROTOBUF, not AVRO"),
        ({"schema": "{}", "schemaType": "JSON"}, "is of type JSON, not AVRO"),
        (
            {
                "schema": '"string"',
                "ruleSet": {
                    "domainRules": [
                        {"name": "check", "kind": "CONDITION", "mode": "WRITE", "type": "CEL"},
                        {
                            "name": "hide",
                            "kind": "TRANSFORM",
                            "mode": "WRITEREAD",
                            "type": "ENCRYPT",
                        },
                    ]
                },
            },
            r"has rules that Storyline does not run before it reads: hide \(ENCRYPT\)",
        ),
    ],
)
def test_schema_of_another_kind_is_refused_by_name(
    registry: Registry, fields: dict[str, Any], message: str
) -> None:
    client = registry.client(ALIVE | {IDS: (200, fields)})
    with pytest.raises(UnknownSchemaError, match=f"schema 7 {message}"):
        client.schema_text(7)


def test_rules_of_the_writer_alone_do_not_matter(registry: Registry) -> None:
    rules = [{"name": "trim", "kind": "TRANSFORM", "mode": "WRITE", "type": "CEL_FIELD"}]
    fields = {"schema": '"string"', "ruleSet": {"domainRules": rules}}
    assert registry.client(ALIVE | {IDS: (200, fields)}).schema_text(7) == '"string"'


def refers(*subjects: str, text: str = '"string"') -> dict[str, Any]:
    references = [{"name": name, "subject": name, "version": 1} for name in subjects]
    return {"id": 7, "schema": text, "schemaType": "AVRO", "references": references}


def version(subject: str) -> str:
    return f"GET {PATH}/subjects/{subject}/versions/1"


def test_references_are_followed_and_a_cycle_ends(registry: Registry) -> None:
    whole = '{"type":"record","name":"W","fields":[{"name":"a","type":"A"}]}'
    first = '{"type":"record","name":"A","fields":[{"name":"b","type":["null","B"]}]}'
    second = '{"type":"record","name":"B","fields":[{"name":"a","type":["null","A"]}]}'
    client = registry.client(
        ALIVE
        | {
            IDS: (200, refers("A", text=whole)),
            version("A"): (200, refers("B", text=first)),
            version("B"): (200, refers("A", text=second)),
        }
    )
    text = client.schema_text(7)
    assert text is not None
    assert text.count('"fields"') == 3
    assert registry.asked == [IDS, version("A"), version("B")]


@produces("schema … refers to version … of …")
def test_missing_reference_is_a_verdict_with_its_name(registry: Registry) -> None:
    client = registry.client(ALIVE | {IDS: (200, refers("gone")), version("gone"): NOT_FOUND})
    with pytest.raises(UnknownSchemaError, match="schema 7 refers to version 1 of gone") as dead:
        client.schema_text(7)
    shown(str(dead.value))


@pytest.mark.parametrize(
    "away", [(503, {"error_code": 50301, "message": "starting"}), (200, b"<html>log in</html>")]
)
def test_reference_of_a_server_that_is_away_is_waited_for(
    registry: Registry, away: tuple[int, Any]
) -> None:
    client = registry.client(ALIVE | {IDS: (200, refers("late")), version("late"): away})
    with pytest.raises(RegistryUnavailableError):
        client.schema_text(7)
    registry.answers[version("late")] = (200, refers())
    assert client.schema_text(7) == '"string"'


def test_ids_of_other_serdes_are_asked_for_where_they_are_known(registry: Registry) -> None:
    native = "GET /apis/registry/v2/ids/globalIds/300"
    guid = f"GET {PATH}/schemas/guids/{GUID.value}"
    client = registry.client(
        ALIVE | {native: (200, b'"string"'), guid: (200, {"schema": '"long"', "guid": GUID.value})}
    )
    assert client.schema_text.foreign(GLOBAL) == '"string"'
    assert client.schema_text.foreign(GUID) == '"long"'
    client = registry.client(ALIVE)
    assert client.schema_text.foreign(GLOBAL) is None
    assert client.schema_text.foreign(GUID) is None
    assert native in registry.asked
    assert guid in registry.asked


@pytest.fixture
def guid_record(registry: Registry) -> Record:
    """Record that Confluent's serializer makes of `LIKE`, with the GUID of its schema in a header.

    The registry then answers the GUID with the schema.
    """
    text = canonical_text(schemas()["ContentLiked"])
    subject = f"{TOPIC}-social.v1.ContentLiked"
    stored = {"subject": subject, "version": 1, "id": 7, "guid": GUID.value, "schema": text}
    registry.answers = ALIVE | {
        f"POST {PATH}/subjects/{subject}/versions": (200, stored),
        f"GET {PATH}/schemas/guids/{GUID.value}": (200, stored),
    }
    serializer = AvroSerializer(
        SchemaRegistryClient({"url": registry.origin + PATH}),
        text,
        conf={
            "schema.id.serializer": header_schema_id_serializer,
            "subject.name.strategy": topic_record_subject_name_strategy,
        },
    )
    headers: list[tuple[str, str | bytes | None]] = []
    value = serializer(asdict(LIKE), SerializationContext(TOPIC, MessageField.VALUE, headers))
    key = str(LIKE.content_id).encode()
    sent = tuple((name, as_bytes) for name, as_bytes in headers if isinstance(as_bytes, bytes))
    assert len(sent) == len(headers)
    return Record(TOPIC, 0, 0, LIKE.occurred_at, key, value, sent)


def test_record_of_confluents_header_serializer_is_read(
    registry: Registry, guid_record: Record
) -> None:
    [(header, schema)] = guid_record.headers
    assert schema is not None
    assert (header, schema[0], len(schema)) == (GUID.header, 1, 17)
    lookup = SchemaRegistry(registry.origin + PATH).schema_text
    batch, rejected = decode_and_validate(Records.of([guid_record]), TOPIC, lookup)
    assert rejected == []
    assert [event for _, event in events(batch)] == [LIKE]
    assert batch.columns["ContentLiked"][SCHEMA_ID].to_pylist() == [None]


def test_record_of_confluents_header_serializer_is_refused_without_guids(
    registry: Registry, guid_record: Record
) -> None:
    """Apicurio 2.6 has no such route and answers 404."""
    lookup = registry.client(ALIVE).schema_text
    _, [refused] = decode_and_validate(Records.of([guid_record]), TOPIC, lookup)
    assert (refused.code, refused.record) == (ErrorCode.UNKNOWN_SCHEMA, guid_record)
    assert GUID.value in refused.message


def test_global_id_is_a_verdict_at_a_registry_that_is_not_apicurio(registry: Registry) -> None:
    client = registry.client({"GET /config": (200, {})}, path="")
    with pytest.raises(UnknownSchemaError, match=r"global id 300 .* this registry is not Apicurio"):
        client.schema_text.foreign(GLOBAL)
    assert registry.asked == []


def test_global_id_of_a_server_that_is_away_is_waited_for(registry: Registry) -> None:
    client = registry.client(ALIVE | {"GET /apis/registry/v2/ids/globalIds/300": (500, b"oops")})
    with pytest.raises(RegistryUnavailableError, match=r"fails \(HTTP 500\)"):
        client.schema_text.foreign(GLOBAL)


# Registration ------------------------------------------------------------------------------------

SUBJECT = f"{PATH}/subjects/social.blocks.v1-social.v1.UserBlocked"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        pytest.param(
            409,
            "not BACKWARD_TRANSITIVE with the registered versions",
            marks=produces("…: the schema is not … with the registered versions"),
        ),
        pytest.param(
            422,
            r"refuses the schema: bad one \(HTTP 422\)",
            marks=produces("…: the registry refuses the schema: …"),
        ),
    ],
)
def test_refusal_is_reported_with_the_words_of_the_registry(
    registry: Registry, status: int, message: str
) -> None:
    refusal = (status, {"error_code": 0, "message": "bad one"})
    client = registry.client(
        ALIVE | {f"POST {SUBJECT}": NOT_FOUND, f"POST {SUBJECT}/versions": refusal}
    )
    with pytest.raises(RegistryRefusedError, match=message) as raised:
        list(client.register())
    assert "bad one" in f"{raised.value} {raised.value.hint}"


@produces("the registry refuses the compatibility level …")
def test_refused_compatibility_level_is_reported(registry: Registry) -> None:
    refusal = (422, {"error_code": 42203, "message": "not here"})
    client = registry.client(
        {CONFIG: (200, {"compatibilityLevel": "NONE"}), f"PUT {PATH}/config": refusal}
    )
    with pytest.raises(RegistryRefusedError, match=r"BACKWARD_TRANSITIVE \(HTTP 422\): not here"):
        client.set_level()


@produces("the registry does not list its schemas …")
def test_schema_deleted_while_schemas_are_listed_is_reported(registry: Registry) -> None:
    name = "social.blocks.v1-social.v1.UserBlocked"
    client = registry.client(
        ALIVE
        | {f"GET {PATH}/subjects": (200, [name]), f"GET {PATH}/subjects/{name}/versions": NOT_FOUND}
    )
    with pytest.raises(RegistryRefusedError, match=r"\(HTTP 404\): No content") as raised:
        list(client.unreadable())
    assert "run the command again" in str(raised.value.hint)


@produces("Events written with these versions become dead letters…")
def test_registered_version_that_cannot_be_read_is_listed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "social.blocks.v1-social.v1.UserBlocked"
    versions = f"GET {PATH}/subjects/{name}/versions"
    registry.client(
        ALIVE
        | {
            f"GET {PATH}/subjects": (200, [name]),
            versions: (200, [1]),
            f"{versions}/1": (200, {"subject": name, "version": 1, "id": 7, "schema": '"string"'}),
        }
    )
    monkeypatch.setenv("STORYLINE_PORTS__REGISTRY", registry.origin.rpartition(":")[2])
    settings.cache_clear()
    ended = CliRunner().invoke(app, ["check", "--live"])
    settings.cache_clear()
    assert ended.exit_code == 1
    assert name in ended.output
    assert "storyline dlq replay" in shown(ended.output)


def test_lookup_that_is_refused_is_not_a_missing_schema(registry: Registry) -> None:
    refusal = (422, {"error_code": 42201, "message": "bad one"})
    client = registry.client(ALIVE | {f"POST {SUBJECT}": refusal})
    with pytest.raises(RegistryRefusedError, match="bad one"):
        client.schema_id("social.blocks.v1", "UserBlocked")


def test_id_of_a_former_release_counts_if_the_canonical_text_is_missing(
    registry: Registry,
) -> None:
    client = registry.client(ALIVE)
    former = json.dumps(released()["0.1.0"]["UserBlocked"])
    registry.texts[f"POST {SUBJECT}"] = {former: 5}
    assert client.schema_id("social.blocks.v1", "UserBlocked") == 5
    registry.texts[f"POST {SUBJECT}"] |= {canonical_text(schemas()["UserBlocked"]): 6}
    assert registry.client(ALIVE).schema_id("social.blocks.v1", "UserBlocked") == 6
    registry.texts.clear()


def test_level_that_is_refused_is_reported(registry: Registry) -> None:
    client = registry.client(
        {
            CONFIG: (200, {"compatibilityLevel": "NONE"}),
            f"PUT {PATH}/config": (405, {"error_code": 40501, "message": "read only"}),
        }
    )
    with pytest.raises(RegistryRefusedError, match="read only"):
        client.set_level()
