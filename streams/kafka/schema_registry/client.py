"""Client of the schema registry: schemas by id, ids by schema, registration."""

import functools
import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from streams.contracts.canonical_text import canonical_text
from streams.contracts.catalog import released, schemas, subject, topics
from streams.contracts.codec import RegistryUnavailableError, UnknownSchemaError
from streams.errors import UserError
from streams.kafka.schema_registry.live_versions import Unreadable, live_subjects, unreadable
from streams.kafka.schema_registry.schema_texts import AVRO, SchemaTexts
from streams.kafka.schema_registry.verdicts import NOT_FOUND, asking, confirm, without_login

LEVEL: Final = "BACKWARD_TRANSITIVE"
_INCOMPATIBLE: Final = 409
_SPACED_TEXTS: Final = "0.1.0"
"""The release that registered texts with white space, in the order of its files."""


class SchemaMissingError(UserError):
    """Error of a registry that does not have the schema that this version writes."""


class RegistryRefusedError(UserError):
    """Refusal of a request by the registry, with its own words."""


class Registered(NamedTuple):
    """A subject after registration; `created` is `True` if this call registered the schema."""

    subject: str
    schema_id: int
    created: bool


class SchemaRegistry:
    """Client of the registry at `url` (with the path of its Confluent API). Answers are cached.

    Every method raises RegistryUnavailableError if the registry cannot answer now.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._shown = without_login(url)
        self._client = SchemaRegistryClient(
            {
                "url": url,
                "timeout": 10,
                "max.retries": 2,
                "retries.wait.ms": 200,
                "retries.max.wait.ms": 500,
            }
        )
        self.schema_text = SchemaTexts(url, self._client)
        """The `codec.SchemaLookup` and `codec.ForeignLookup` of this registry."""
        self.schema_id = functools.cache(self._schema_id)

    def _schema_id(self, topic: str, record_type: str) -> int:
        """Return the id of the schema that this version writes.

        The text that release 0.1 registered counts if the canonical one is missing.

        Raises:
            SchemaMissingError: The registry does not have the schema.
            RegistryRefusedError: The registry refuses the question.
        """
        for text in (canonical_text(schemas()[record_type]), _former_text(record_type)):
            found = self._find(topic, record_type, text)
            if found is not None:
                return found
        raise SchemaMissingError(
            f"the registry at {self._shown} does not know this version's schema of "
            f"{subject(topic, record_type)}",
            hint="Register it: storyline schemas register",
        )

    def _find(self, topic: str, record_type: str, text: str) -> int | None:
        """Return the id of a text under the subject of a record type, or `None` if it has none."""
        name = subject(topic, record_type)
        with asking(self._url):
            try:
                return self._client.lookup_schema(name, Schema(text, AVRO)).schema_id
            except SchemaRegistryError as error:
                self._confirm(error)
                if error.http_status_code == NOT_FOUND:
                    return None
                raise _refused(name, error) from error

    def register(self) -> Iterator[Registered]:
        """Set the compatibility level, then register and yield every record type of every topic.

        Raises:
            RegistryRefusedError: A registered version conflicts, or the registry refuses.
        """
        self.set_level()
        for spec in topics().values():
            for record_type in spec.records:
                yield self._register(spec.name, record_type)

    def answers(self) -> bool:
        """Return whether the registry answers now."""
        try:
            with asking(self._url):
                self._client.get_config()
        except RegistryUnavailableError:
            return False
        return True

    def set_level(self) -> None:
        """Set the level that subjects without one of their own use to BACKWARD_TRANSITIVE.

        Raises:
            RegistryRefusedError: The registry refuses the level.
        """
        with asking(self._url):
            try:
                if self._client.get_config().to_dict().get("compatibilityLevel") != LEVEL:
                    self._client.set_compatibility(level=LEVEL)
            except SchemaRegistryError as error:
                self._confirm(error)
                raise RegistryRefusedError(
                    f"the registry refuses the compatibility level {LEVEL} "
                    f"(HTTP {error.http_status_code}): {error.error_message}",
                    hint="Set it at the registry: it protects readers of older records",
                ) from error

    def unreadable(self) -> Iterator[Unreadable]:
        """Yield every registered version whose records this version of Storyline cannot read.

        All subjects that belong to a topic of events are checked.

        Raises:
            RegistryRefusedError: The registry does not list its schemas.
        """
        with asking(self._url):
            try:
                for name in live_subjects(self._client.get_subjects()):
                    for version in sorted(self._client.get_versions(name)):
                        found = self._client.get_version(name, version)
                        try:
                            text = self.schema_text.whole(found.schema, found.schema_id)
                        except UnknownSchemaError as error:
                            reasons: tuple[str, ...] = (str(error),)
                        else:
                            reasons = unreadable(name, text)
                        if reasons:
                            yield Unreadable(name, version, found.schema_id, reasons)
            except SchemaRegistryError as error:
                self._confirm(error)
                raise RegistryRefusedError(
                    f"the registry does not list its schemas (HTTP {error.http_status_code}): "
                    f"{error.error_message}",
                    hint="If subjects are being deleted just now, run the command again",
                ) from error

    def _register(self, topic: str, record_type: str) -> Registered:
        name, text = subject(topic, record_type), canonical_text(schemas()[record_type])
        found = self._find(topic, record_type, text)
        if found is not None:
            return Registered(name, found, created=False)
        with asking(self._url):
            try:
                schema_id = self._client.register_schema(name, Schema(text, AVRO))
            except SchemaRegistryError as error:
                self._confirm(error)
                raise _refused(name, error) from error
        return Registered(name, schema_id, created=True)

    def _confirm(self, error: SchemaRegistryError) -> None:
        confirm(error, self._url, self._client.get_config)


def _refused(name: str, error: SchemaRegistryError) -> RegistryRefusedError:
    says = f"{error.error_message} (HTTP {error.http_status_code})"
    if error.http_status_code == _INCOMPATIBLE:
        return RegistryRefusedError(
            f"{name}: the schema is not {LEVEL} with the registered versions",
            hint=f"The registry says: {says}",
        )
    return RegistryRefusedError(
        f"{name}: the registry refuses the schema: {says}",
        hint="A version that is registered already may be the reason: "
        "storyline schemas check --live",
    )


def _former_text(record_type: str) -> str:
    """Return the text that release 0.1 registered, if it has the schema, or would register."""
    schema = schemas()[record_type]
    former = released()[_SPACED_TEXTS].get(record_type)
    return json.dumps(former if former == schema else schema)
