"""Schema registry by Confluent's API: schemas by id, ids by schema, registration."""

from streams.kafka.schema_registry.client import (
    LEVEL,
    Registered,
    RegistryRefusedError,
    SchemaMissingError,
    SchemaRegistry,
)
from streams.kafka.schema_registry.live_versions import Unreadable

__all__ = [
    "LEVEL",
    "Registered",
    "RegistryRefusedError",
    "SchemaMissingError",
    "SchemaRegistry",
    "Unreadable",
]
