"""Schemas by their ids, complete with the schemas that they refer to; answers are cached."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import httpx2
from confluent_kafka.schema_registry import (
    RuleKind,
    RuleMode,
    Schema,
    SchemaRegistryClient,
    SchemaRegistryError,
)

from streams.contracts.codec import UnknownSchemaError
from streams.contracts.frames import ForeignId, ForeignKind, SchemaRef
from streams.contracts.schema_references import inline
from streams.kafka.schema_registry.verdicts import NOT_FOUND, asking, confirm

AVRO: Final = "AVRO"
_CONFLUENT_PATH: Final = "/apis/ccompat/"
_NATIVE_PATH: Final = "/apis/registry/v2"
_FORGET_MISSING_S: Final = 30.0
_MISSING_KEPT: Final = 10_000
_TIMEOUT_S: Final = 10.0


class _Missing(NamedTuple):
    """Verdict that a schema is missing or, for a `reason`, unusable.

    It holds until the time `until` of the monotonic clock (s).
    """

    until: float
    reason: str | None


class SchemaTexts:
    """Avro schemas of the registry at `url`: a `codec.SchemaLookup` and a `codec.ForeignLookup`."""

    def __init__(self, url: str, client: SchemaRegistryClient) -> None:
        self._url = url
        self._client = client
        self._texts: dict[SchemaRef, str] = {}
        self._missing: dict[SchemaRef, _Missing] = {}

    def __call__(self, schema_id: int) -> str | None:
        """Return the Avro schema of an id, or `None` if the registry has none.

        A schema is cached permanently, its absence and a verdict that it is unusable for 30 s.

        Raises:
            UnknownSchemaError: What the registry has under the id is not usable.
            RegistryUnavailableError: The registry cannot answer now.
        """
        return self._kept(schema_id, lambda: self._client.get_schema(schema_id))

    def foreign(self, schema: ForeignId) -> str | None:
        """Return the Avro schema of a global id of Apicurio or a GUID of Confluent, or `None`.

        The answer is cached as for an id.

        Raises:
            UnknownSchemaError: What the registry has under the id is not usable.
            RegistryUnavailableError: The registry cannot answer now.
        """
        if schema.kind is ForeignKind.GUID:
            return self._kept(schema, lambda: self._client.get_schema_by_guid(schema.value))
        return self._kept(schema, lambda: self._by_global_id(schema))

    def whole(self, schema: Schema, named: object) -> str:
        """Return the text of a schema together with what it refers to.

        Args:
            schema: Schema as the registry returned it.
            named: Id of the schema, for error messages.

        Raises:
            UnknownSchemaError: It is not Avro, a reference is missing, or rules must be run first.
            RegistryUnavailableError: The registry cannot answer now.
        """
        if (kind := schema.schema_type or AVRO) != AVRO:
            raise UnknownSchemaError(f"schema {named} is of type {kind}, not {AVRO}")
        if rules := sorted(_transforms(schema)):
            raise UnknownSchemaError(
                f"schema {named} has rules that Storyline does not run before it reads: "
                + ", ".join(rules)
            )
        text = schema.schema_str or ""
        if not schema.references:
            return text
        references = [*self._references(schema, named, set())]
        try:
            return inline(text, references)
        except (ValueError, LookupError, TypeError) as error:
            raise UnknownSchemaError(f"schema {named} or a reference: {error}") from error

    def _kept(self, schema: SchemaRef, fetch: Callable[[], Schema]) -> str | None:
        if schema in self._texts:
            return self._texts[schema]
        missing = self._missing.get(schema)
        if missing is None or missing.until <= time.monotonic():
            try:
                text, reason = self._fetched(schema, fetch), None
            except UnknownSchemaError as error:
                text, reason = None, str(error)
            if text is not None:
                self._texts[schema] = text
                return text
            if len(self._missing) >= _MISSING_KEPT:
                self._missing.clear()
            missing = _Missing(time.monotonic() + _FORGET_MISSING_S, reason)
            self._missing[schema] = missing
        if missing.reason is not None:
            raise UnknownSchemaError(missing.reason)
        return None

    def _fetched(self, named: SchemaRef, fetch: Callable[[], Schema]) -> str | None:
        with asking(self._url):
            try:
                schema = fetch()
            except SchemaRegistryError as error:
                self._confirm(error)
                if error.http_status_code == NOT_FOUND:
                    return None
                raise UnknownSchemaError(
                    f"the registry does not give out the schema {named}: "
                    f"{error.error_message} (HTTP {error.http_status_code})"
                ) from error
            return self.whole(schema, named)

    def _references(
        self, schema: Schema, named: object, seen: set[tuple[str, int]]
    ) -> Iterator[str]:
        """Yield the texts of all schemas that a schema refers to, directly or not, each once."""
        for reference in schema.references or ():
            place = (reference.subject or "", reference.version or 0)
            if place in seen:
                continue
            seen.add(place)
            try:
                found = self._client.get_version(*place, deleted=True).schema
            except SchemaRegistryError as error:
                self._confirm(error)
                raise UnknownSchemaError(
                    f"schema {named} refers to version {place[1]} of {place[0]}, which the "
                    f"registry does not give out: {error.error_message} "
                    f"(HTTP {error.http_status_code})"
                ) from error
            yield from self._references(found, named, seen)
            yield found.schema_str or ""

    def _confirm(self, error: SchemaRegistryError) -> None:
        confirm(error, self._url, self._client.get_config)

    def _by_global_id(self, schema: ForeignId) -> Schema:
        """Return the schema that Apicurio's own API has under a global id, references inlined."""
        base, path, _ = self._url.partition(_CONFLUENT_PATH)
        if not path:
            raise UnknownSchemaError(
                f"schema {schema}: this registry is not Apicurio, which alone has such ids"
            )
        response = httpx2.get(
            f"{base}{_NATIVE_PATH}/ids/globalIds/{schema.value}",
            params={"dereference": "true"},
            timeout=_TIMEOUT_S,
        )
        if response.is_success:
            return Schema(response.text, AVRO)
        raise SchemaRegistryError(response.status_code, *_error_of(response))


def _error_of(response: httpx2.Response) -> tuple[int, str]:
    """Return the code and the text of an error of Apicurio's own API, whose codes are HTTP's."""
    try:
        fields = response.json()
        return int(fields["error_code"]), str(fields["message"])
    except (ValueError, LookupError, TypeError):
        return 0, response.text[:200]


def _transforms(schema: Schema) -> Iterator[str]:
    """Yield names of a data contract's rules that a reader must run, such as decryption."""
    rules: Any = schema.rule_set
    for group in ("domain_rules", "encoding_rules"):
        for rule in getattr(rules, group, None) or ():
            is_ours = rule.kind is RuleKind.TRANSFORM and rule.mode is not RuleMode.WRITE
            if is_ours and not rule.disabled:
                yield f"{rule.name} ({rule.type})"
