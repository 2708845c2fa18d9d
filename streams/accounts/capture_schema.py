"""Verdict of the registry on the Avro schema that a changed `users` would have."""

import copy
import json
from typing import Any, Final

import httpx2

from streams.accounts.connector import CAPTURED, Capture
from streams.accounts.ddl_trial import ColumnFacts, DdlFinding, TableFacts
from streams.contracts.codec import RegistryUnavailableError
from streams.contracts.tables import USER

_TIMEOUT_S: Final = 10.0
_NOT_FOUND: Final = 404
_KINDS: Final = {column.name: column.type for column in USER}
_AVRO: Final[dict[str, Any]] = {
    "BIGINT": "long",
    "STRING": "string",
    "BOOLEAN": "boolean",
    "TIMESTAMP": {
        "type": "string",
        "connect.version": 1,
        "connect.name": "io.debezium.time.ZonedTimestamp",
    },
}
_DEFAULTS: Final[dict[str, Any]] = {
    "BIGINT": 0,
    "STRING": "",
    "BOOLEAN": False,
    "TIMESTAMP": "1970-01-01T00:00:00.000000Z",
}


def registry_findings(
    registry_url: str, capture: Capture, before: TableFacts, after: TableFacts
) -> list[DdlFinding]:
    """Return a harmful finding if the registry refuses the schema of the table `after`.

    A schema that is registered already is accepted, whatever was registered after it. Nothing is
    registered.

    Raises:
        RegistryUnavailableError: The registry does not answer.
    """
    subject = f"{capture.topic}-value"
    try:
        with httpx2.Client(base_url=registry_url, timeout=_TIMEOUT_S, trust_env=False) as client:
            registered = _versions(client, subject)
            if not registered:
                return []
            schema = changed_schema(registered[-1], before, after)
            if _shape(schema) in map(_shape, registered):
                return []
            answer = client.post(
                f"/compatibility/subjects/{subject}/versions",
                params={"verbose": "true"},
                json={"schema": json.dumps(schema), "schemaType": "AVRO"},
            )
            answer.raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise RegistryUnavailableError(
            f"the schema registry at {registry_url} does not answer: {error}",
            hint="Start the local servers with: storyline up",
        ) from error
    if answer.json()["is_compatible"]:
        return []
    return [
        DdlFinding(
            True,
            f"the registry refuses the new schema of {subject}",
            "earlier changes could not be read by it, and the task would fail; see "
            "docs/operations/change-stream.md, Changing the table",
        )
    ]


def _versions(client: httpx2.Client, subject: str) -> list[Any]:
    """Return the schemas of a subject, oldest first; empty if there is no such subject."""
    numbers = client.get(f"/subjects/{subject}/versions")
    if numbers.status_code == _NOT_FOUND:
        return []
    found = []
    for number in numbers.raise_for_status().json():
        version = client.get(f"/subjects/{subject}/versions/{number}").raise_for_status()
        found.append(json.loads(version.json()["schema"]))
    return found


def _shape(schema: Any) -> list[tuple[str, list[str]]]:
    """Return the columns of an envelope's row with their Avro types, `null` among them."""
    return [(field["name"], _types(field["type"])) for field in _row(schema)["fields"]]


def _types(kind: Any) -> list[str]:
    if isinstance(kind, list):
        return sorted(name for branch in kind for name in _types(branch))
    return [str(kind["type"] if isinstance(kind, dict) else kind)]


def _row(schema: Any) -> Any:
    """Return the record of the row inside an envelope's schema."""
    return next(
        branch
        for field in schema["fields"]
        if field["name"] == "before"
        for branch in field["type"]
        if isinstance(branch, dict)
    )


def changed_schema(schema: Any, before: TableFacts, after: TableFacts) -> Any:
    """Return the value schema as Debezium would register it after the change.

    Args:
        schema: The newest registered schema, an envelope.
        before: The table that it describes.
        after: The table after the change.
    """
    changed = copy.deepcopy(schema)
    row = _row(changed)
    fields = {field["name"]: field for field in row["fields"]}
    row["fields"] = [
        fields[name]
        if name in fields and _same(before.columns.get(name), facts)
        else _field(name, facts)
        for name, facts in after.columns.items()
        if name in CAPTURED
    ]
    return changed


def _same(was: ColumnFacts | None, now: ColumnFacts) -> bool:
    return was is not None and was.not_null == now.not_null


def _field(name: str, facts: ColumnFacts) -> dict[str, Any]:
    kind = _KINDS[name]
    if not facts.not_null:
        return {"name": name, "type": ["null", _AVRO[kind]], "default": None}
    default = {"default": _DEFAULTS[kind]} if facts.has_default else {}
    return {"name": name, "type": _AVRO[kind], **default}
