"""The schema registry, spoken to in Confluent's API: schemas by id, ids by schema, registration."""

import functools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import httpx2
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from streams.contracts.catalog import schemas, subject, topics
from streams.contracts.codec import RegistryUnavailableError
from streams.errors import UserError

LEVEL: Final = "BACKWARD_TRANSITIVE"
_AVRO: Final = "AVRO"
_NO_SCHEMA: Final = 40403
_INCOMPATIBLE: Final = 409
_NOT_FOUND: Final = 404
_FORGET_MISSING_S: Final = 30.0


class SchemaMissingError(UserError):
    """The registry does not know the schema that this version writes."""


class Registered(NamedTuple):
    """A subject after registration; `created` tells whether it was this call's doing."""

    subject: str
    schema_id: int
    created: bool


class SchemaRegistry:
    """A registry at `url` (with the path of its Confluent API). Answers are cached.

    Every method raises RegistryUnavailableError where the registry does not answer.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = SchemaRegistryClient(
            {
                "url": url,
                "timeout": 10,
                "max.retries": 2,
                "retries.wait.ms": 200,
                "retries.max.wait.ms": 500,
            }
        )
        self._texts: dict[int, str] = {}
        self._missing: dict[int, float] = {}
        self.schema_id = functools.cache(self._schema_id)

    def schema_text(self, schema_id: int) -> str | None:
        """The Avro schema of an id, None where the registry has none: a `codec.SchemaLookup`.

        A missing id is asked for again after half a minute.
        """
        if schema_id in self._texts:
            return self._texts[schema_id]
        if self._missing.get(schema_id, 0.0) > time.monotonic():
            return None
        with self._asking():
            try:
                schema = self._client.get_schema(schema_id)
            except SchemaRegistryError as error:
                if error.error_code != _NO_SCHEMA:
                    raise
                schema = None
        if schema is None or schema.schema_type != _AVRO or schema.schema_str is None:
            self._missing[schema_id] = time.monotonic() + _FORGET_MISSING_S
            return None
        self._texts[schema_id] = schema.schema_str
        return self._texts[schema_id]

    def _schema_id(self, topic: str, record_type: str) -> int:
        """The id of the schema that this version writes. Raises SchemaMissingError."""
        name = subject(topic, record_type)
        with self._asking():
            try:
                found = self._client.lookup_schema(name, _schema(record_type))
            except SchemaRegistryError as error:
                if error.http_status_code != _NOT_FOUND:
                    raise
                found = None
        if found is None or found.schema_id is None:
            raise SchemaMissingError(
                f"the registry at {self._url} does not know this version's schema of {name}",
                hint="Register it: storyline schemas register",
            )
        return found.schema_id

    def register(self) -> Iterator[Registered]:
        """Register every record type of every topic, after setting the compatibility level.

        Raises UserError where the registry holds a version that a schema is incompatible with.
        """
        self.set_level()
        for spec in topics().values():
            for record_type in spec.records:
                yield self._register(spec.name, record_type)

    def answers(self) -> bool:
        """Whether the registry can be asked now."""
        try:
            with self._asking():
                self._client.get_config()
        except RegistryUnavailableError:
            return False
        return True

    def set_level(self) -> None:
        """Hold every subject without a level of its own to BACKWARD_TRANSITIVE."""
        with self._asking():
            if self._client.get_config().to_dict().get("compatibilityLevel") != LEVEL:
                self._client.set_compatibility(level=LEVEL)

    def _register(self, topic: str, record_type: str) -> Registered:
        name = subject(topic, record_type)
        try:
            return Registered(name, self._schema_id(topic, record_type), created=False)
        except SchemaMissingError:
            pass
        with self._asking():
            try:
                schema_id = self._client.register_schema(name, _schema(record_type))
            except SchemaRegistryError as error:
                if error.http_status_code != _INCOMPATIBLE:
                    raise
                raise UserError(
                    f"{name}: the schema is not {LEVEL} with the registered versions",
                    hint=f"The registry says: {error.error_message}",
                ) from error
        return Registered(name, schema_id, created=True)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Errors of the network, and answers that are none of ours, as one error."""
        try:
            yield
        except (SchemaRegistryError, httpx2.HTTPError) as error:
            raise RegistryUnavailableError(
                f"the schema registry at {self._url} does not answer: {error}",
                hint="Start the local servers with: storyline up",
            ) from error


def _schema(record_type: str) -> Schema:
    return Schema(json.dumps(schemas()[record_type]), _AVRO)
